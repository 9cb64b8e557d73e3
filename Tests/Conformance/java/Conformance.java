import java.time.Duration;
import java.util.*;
import java.util.concurrent.ExecutionException;
import java.util.function.BooleanSupplier;
import org.apache.kafka.clients.admin.*;
import org.apache.kafka.clients.consumer.*;
import org.apache.kafka.clients.producer.*;
import org.apache.kafka.common.*;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.errors.*;
import org.apache.kafka.common.serialization.*;

/** The Java client against the broker under test: java -cp JARS Conformance.java SERVERS. One line for each check; exit code 1 when one failed. */
public class Conformance {
    interface Check { void run(String name) throws Exception; }

    static String servers;
    static Admin admin;
    static int failed;

    public static void main(String[] arguments) throws Exception {
        servers = arguments[0];
        admin = Admin.create(properties());
        check("topics are created, described, extended and deleted", Conformance::topics);
        check("records come back with keys, headers, nulls and times, in every compression", Conformance::records);
        check("a group shares partitions, under the cooperative protocol too", Conformance::groups);
        check("a static member keeps its place over a restart", Conformance::staticMember);
        check("group offsets are listed, altered and deleted", Conformance::groupOffsets);
        check("aborted records are invisible and committed ones are not, with their offsets", Conformance::transactions);
        check("a second producer fences the first", Conformance::fencing);
        check("offsets are found by time, largest timestamp and position; records are deleted", Conformance::offsets);
        check("configurations are described and altered, wrong ones refused", Conformance::configurations);
        check("a record that is too large has its own error", Conformance::tooLarge);
        admin.close();
        System.exit(failed == 0 ? 0 : 1);
    }

    static void check(String what, Check body) {
        String name = "conf-java-" + UUID.randomUUID().toString().substring(0, 8);
        try {
            body.run(name);
            System.out.println("ok: " + what);
        } catch (Throwable error) {
            failed++;
            System.out.println("FAILED: " + what + ": " + error);
            error.printStackTrace(System.out);
        } finally {
            try {
                admin.deleteTopics(List.of(name, name + "-2")).all().get();
            } catch (Exception absent) {
                // Most checks make one topic only.
            }
        }
    }

    static void must(boolean holds, String what) {
        if (!holds) throw new AssertionError(what);
    }

    static void until(String what, int seconds, BooleanSupplier condition) {
        long deadline = System.nanoTime() + seconds * 1_000_000_000L;
        while (!condition.getAsBoolean()) must(System.nanoTime() < deadline, "not within " + seconds + " s: " + what);
    }

    static Properties properties(String... more) {
        Properties properties = new Properties();
        properties.put("bootstrap.servers", servers);
        for (int i = 0; i < more.length; i += 2) properties.put(more[i], more[i + 1]);
        return properties;
    }

    static Producer<String, String> producer(String... more) {
        return new KafkaProducer<>(properties(more), new StringSerializer(), new StringSerializer());
    }

    static Consumer<String, String> consumer(String group, String... more) {
        Properties properties = properties(
            "group.id", group, "auto.offset.reset", "earliest", "enable.auto.commit", "false", "session.timeout.ms", "30000", "heartbeat.interval.ms", "500",
            "isolation.level", "read_committed");
        properties.putAll(properties(more));
        return new KafkaConsumer<>(properties, new StringDeserializer(), new StringDeserializer());
    }

    static void create(String topic, int partitions, String... configuration) throws Exception {
        Map<String, String> settings = new HashMap<>();
        for (int i = 0; i < configuration.length; i += 2) settings.put(configuration[i], configuration[i + 1]);
        admin.createTopics(List.of(new NewTopic(topic, partitions, (short) 1).configs(settings))).all().get();
    }

    static List<ConsumerRecord<String, String>> read(Consumer<String, String> consumer, int count) {
        List<ConsumerRecord<String, String>> found = new ArrayList<>();
        until(count + " records", 30, () -> {
            consumer.poll(Duration.ofMillis(100)).forEach(found::add);
            return found.size() >= count;
        });
        return found;
    }

    static List<String> values(String topic, int count) {
        try (Consumer<String, String> consumer = consumer("none")) {
            TopicPartition place = new TopicPartition(topic, 0);
            consumer.assign(List.of(place));
            consumer.seekToBeginning(List.of(place));
            return read(consumer, count).stream().map(ConsumerRecord::value).toList();
        }
    }

    static Class<?> cause(Check action, String name) throws Exception {
        try {
            action.run(name);
        } catch (ExecutionException error) {
            return error.getCause().getClass();
        } catch (KafkaException error) {
            return error.getClass();
        }
        return Void.class;
    }

    static void topics(String name) throws Exception {
        create(name, 2);
        must(cause(n -> create(n, 2), name) == TopicExistsException.class, "created twice");
        must(cause(n -> create("a b", 1), name) == InvalidTopicException.class, "wrong name");
        admin.createPartitions(Map.of(name, NewPartitions.increaseTo(5))).all().get();
        until("five partitions", 10, () -> {
            try {
                return admin.describeTopics(List.of(name)).allTopicNames().get().get(name).partitions().size() == 5;
            } catch (Exception error) {
                return false;
            }
        });
        must(admin.describeCluster().nodes().get().size() >= 1, "no nodes");
        admin.deleteTopics(List.of(name)).all().get();
        until("gone", 10, () -> {
            try {
                return !admin.listTopics().names().get().contains(name);
            } catch (Exception error) {
                return false;
            }
        });
    }

    static void records(String name) throws Exception {
        create(name, 1, "retention.ms", "-1");
        int count = 0;
        for (String codec : List.of("none", "gzip", "snappy", "lz4", "zstd")) {
            try (Producer<String, String> producer = producer("compression.type", codec, "linger.ms", "20")) {
                for (int i = 0; i < 50; i++) {
                    ProducerRecord<String, String> record = new ProducerRecord<>(name, 0, 1_600_000_000_000L + count, "key" + i, i == 7 ? null : codec + i);
                    record.headers().add("n", String.valueOf(i).getBytes()).add("null", null);
                    producer.send(record);
                    count++;
                }
            }
        }
        try (Consumer<String, String> consumer = consumer("none")) {
            consumer.assign(List.of(new TopicPartition(name, 0)));
            List<ConsumerRecord<String, String>> found = read(consumer, count);
            must(found.size() == count, "count");
            for (int i = 0; i < count; i++) {
                ConsumerRecord<String, String> record = found.get(i);
                must(record.offset() == i && record.timestamp() == 1_600_000_000_000L + i, "offset or time of " + i);
                must((record.value() == null) == (i % 50 == 7) && record.headers().toArray().length == 2, "content of " + i);
            }
        }
    }

    static void groups(String name) throws Exception {
        create(name, 4);
        for (String assignor : List.of("RangeAssignor", "CooperativeStickyAssignor")) {
            String strategy = "org.apache.kafka.clients.consumer." + assignor;
            try (Consumer<String, String> one = consumer(name + assignor, "partition.assignment.strategy", strategy);
                 Consumer<String, String> two = consumer(name + assignor, "partition.assignment.strategy", strategy)) {
                one.subscribe(List.of(name));
                two.subscribe(List.of(name));
                until("two partitions each", 40, () -> {
                    one.poll(Duration.ofMillis(50));
                    two.poll(Duration.ofMillis(50));
                    return one.assignment().size() == 2 && two.assignment().size() == 2;
                });
            }
        }
    }

    static void staticMember(String name) throws Exception {
        create(name, 2);
        String[] settings = {"group.instance.id", "slot", "session.timeout.ms", "60000"};
        try (Consumer<String, String> first = consumer(name, settings)) {
            first.subscribe(List.of(name));
            until("assignment", 60, () -> first.poll(Duration.ofMillis(50)).isEmpty() && first.assignment().size() == 2);
        }
        long began = System.nanoTime();
        try (Consumer<String, String> second = consumer(name, settings)) {
            second.subscribe(List.of(name));
            until("assignment", 60, () -> second.poll(Duration.ofMillis(50)).isEmpty() && second.assignment().size() == 2);
        }
        must(System.nanoTime() - began < 40_000_000_000L, "it waited for its own session");
        admin.removeMembersFromConsumerGroup(name, new RemoveMembersFromConsumerGroupOptions(List.of(new MemberToRemove("slot")))).all().get();
        admin.deleteConsumerGroups(List.of(name)).all().get();
    }

    static void groupOffsets(String name) throws Exception {
        create(name, 1);
        TopicPartition place = new TopicPartition(name, 0);
        admin.alterConsumerGroupOffsets(name, Map.of(place, new OffsetAndMetadata(9, "note"))).all().get();
        must(admin.listConsumerGroupOffsets(name).partitionsToOffsetAndMetadata().get().get(place).offset() == 9, "altered");
        must(admin.describeConsumerGroups(List.of(name)).all().get().get(name).members().isEmpty(), "empty");
        admin.deleteConsumerGroupOffsets(name, Set.of(place)).all().get();
        must(admin.listConsumerGroupOffsets(name).partitionsToOffsetAndMetadata().get().get(place) == null, "deleted");
    }

    static void transactions(String name) throws Exception {
        create(name, 1);
        create(name + "-2", 1);
        try (Producer<String, String> source = producer()) {
            for (int i = 0; i < 3; i++) source.send(new ProducerRecord<>(name + "-2", "in" + i));
        }
        try (Producer<String, String> producer = producer("transactional.id", name); Consumer<String, String> consumer = consumer(name)) {
            producer.initTransactions();
            producer.beginTransaction();
            producer.send(new ProducerRecord<>(name, "aborted")).get();
            producer.abortTransaction();
            consumer.subscribe(List.of(name + "-2"));
            read(consumer, 3);
            producer.beginTransaction();
            producer.send(new ProducerRecord<>(name, "committed"));
            TopicPartition place = new TopicPartition(name + "-2", 0);
            producer.sendOffsetsToTransaction(Map.of(place, new OffsetAndMetadata(3)), consumer.groupMetadata());
            producer.commitTransaction();
            must(consumer.committed(Set.of(place)).get(place).offset() == 3, "offset in the transaction");
        }
        must(values(name, 1).equals(List.of("committed")), "an aborted record is visible");
    }

    static void fencing(String name) throws Exception {
        create(name, 1);
        try (Producer<String, String> elder = producer("transactional.id", name); Producer<String, String> younger = producer("transactional.id", name)) {
            elder.initTransactions();
            elder.beginTransaction();
            elder.send(new ProducerRecord<>(name, "zombie")).get();
            younger.initTransactions();
            Class<?> error = cause(n -> elder.commitTransaction(), name);
            must(error == ProducerFencedException.class || error == InvalidProducerEpochException.class, "the elder got " + error);
            younger.beginTransaction();
            younger.send(new ProducerRecord<>(name, "alive"));
            younger.commitTransaction();
        }
        must(values(name, 1).equals(List.of("alive")), "the zombie's record is visible");
    }

    static void offsets(String name) throws Exception {
        create(name, 1, "retention.ms", "-1");
        long start = 1_650_000_000_000L;
        try (Producer<String, String> producer = producer()) {
            for (int i = 0; i < 10; i++) producer.send(new ProducerRecord<>(name, 0, start + i * 1000, null, "v")).get();
        }
        TopicPartition place = new TopicPartition(name, 0);
        must(admin.listOffsets(Map.of(place, OffsetSpec.forTimestamp(start + 4500))).all().get().get(place).offset() == 5, "by time");
        must(admin.listOffsets(Map.of(place, OffsetSpec.maxTimestamp())).all().get().get(place).offset() == 9, "largest timestamp");
        admin.deleteRecords(Map.of(place, RecordsToDelete.beforeOffset(4))).all().get();
        must(admin.listOffsets(Map.of(place, OffsetSpec.earliest())).all().get().get(place).offset() == 4, "earliest");
        must(admin.listOffsets(Map.of(place, OffsetSpec.latest())).all().get().get(place).offset() == 10, "latest");
    }

    static void configurations(String name) throws Exception {
        create(name, 1);
        ConfigResource resource = new ConfigResource(ConfigResource.Type.TOPIC, name);
        alter(resource, "1234567");
        Config config = admin.describeConfigs(List.of(resource)).all().get().get(resource);
        must(config.get("retention.ms").value().equals("1234567") && config.get("cleanup.policy").isDefault(), "described");
        Class<?> error = cause(n -> alter(resource, "soon"), name);
        must(error == InvalidConfigurationException.class, "a wrong value got " + error);
    }

    static void alter(ConfigResource resource, String retention) throws Exception {
        AlterConfigOp operation = new AlterConfigOp(new ConfigEntry("retention.ms", retention), AlterConfigOp.OpType.SET);
        admin.incrementalAlterConfigs(Map.of(resource, List.of(operation))).all().get();
    }

    static void tooLarge(String name) throws Exception {
        create(name, 1, "max.message.bytes", "1000");
        try (Producer<String, String> producer = producer()) {
            must(cause(n -> producer.send(new ProducerRecord<>(n, "x".repeat(5000))).get(), name) == RecordTooLargeException.class, "no or another error");
        }
    }
}
