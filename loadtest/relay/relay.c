// A bare consume-produce loop on librdkafka, without parsing: the mark of what the client can do.
// relay BROKERS IN OUT COUNT GROUP HEADERS MORE LINGER WARM AHEAD: copies COUNT values of IN, with keys, to OUT. HEADERS is 1 for headers as BenchBot's result has
// them when the bot's name is GROUP, 0 for none; MORE bytes are put behind each value, so that it is as long as that result; LINGER is linger.ms.
// The producer gets WARM milliseconds to connect and to fetch its id, for which librdkafka may wait 500 ms, before the first record is asked for.
// AHEAD is 1 to fetch ahead without a limit that is ever reached, 0 for those that librdkafka sets: when it has reached them, it looks for room once a second.
#include <librdkafka/rdkafka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static long acked, failed;

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec / 1e9;
}

static void delivered(rd_kafka_t *client, const rd_kafka_message_t *message, void *opaque) {
    (void)client, (void)opaque;
    if (message->err) failed++;
    else acked++;
}

static void fail(const char *what) {
    fprintf(stderr, "relay: %s\n", what);
    exit(1);
}

static void set(rd_kafka_conf_t *conf, const char *name, const char *value) {
    char error[256];
    if (rd_kafka_conf_set(conf, name, value, error, sizeof error) != RD_KAFKA_CONF_OK) fail(error);
}

static rd_kafka_t *make(rd_kafka_type_t type, rd_kafka_conf_t *conf, const char *brokers) {
    char error[256];
    set(conf, "bootstrap.servers", brokers);
    rd_kafka_t *client = rd_kafka_new(type, conf, error, sizeof error);
    if (!client) fail(error);
    return client;
}

// As many headers as a result of the mesh has, and of the same sizes.
static rd_kafka_headers_t *headers(const char *source, const char *type) {
    const char *const fields[][2] = {
        {"ce_specversion", "1.0"},
        {"ce_id", "0f8fad5b-d9cb-569f-a165-70867728950e"},
        {"ce_type", type},
        {"ce_source", source},
        {"content-type", "application/json"},
    };
    rd_kafka_headers_t *list = rd_kafka_headers_new(5);
    for (int i = 0; i < 5; i++) rd_kafka_header_add(list, fields[i][0], -1, fields[i][1], -1);
    return list;
}

// What is the same for all records.
struct job {
    rd_kafka_t *producer;
    rd_kafka_topic_t *topic;
    const char *type;
    char source[300];
    int with_headers;
    size_t more;
};

static char longer[1 << 20];

static void copy(struct job *job, const rd_kafka_message_t *in) {
    void *value = in->payload;
    size_t size = in->len;
    if (job->more && value) {
        if (size > sizeof longer - job->more) fail("a value is too long");
        memcpy(longer, value, size);
        memset(longer + size, ' ', job->more);
        value = longer;
        size += job->more;
    }
    for (;;) {
        rd_kafka_headers_t *list = job->with_headers ? headers(job->source, job->type) : NULL;
        rd_kafka_resp_err_t error =
            list ? rd_kafka_producev(job->producer, RD_KAFKA_V_RKT(job->topic), RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
                                     RD_KAFKA_V_KEY(in->key, in->key_len), RD_KAFKA_V_VALUE(value, size), RD_KAFKA_V_HEADERS(list),
                                     RD_KAFKA_V_END)
                 : rd_kafka_producev(job->producer, RD_KAFKA_V_RKT(job->topic), RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
                                     RD_KAFKA_V_KEY(in->key, in->key_len), RD_KAFKA_V_VALUE(value, size), RD_KAFKA_V_END);
        if (!error) return;
        // librdkafka takes the headers over only when it takes the record.
        if (list) rd_kafka_headers_destroy(list);
        if (error != RD_KAFKA_RESP_ERR__QUEUE_FULL) fail(rd_kafka_err2str(error));
        rd_kafka_poll(job->producer, 10);
    }
}

static void warm(struct job *job, double seconds) {
    if (seconds <= 0) return;
    const struct rd_kafka_metadata *metadata;
    double end = now() + seconds;
    if (rd_kafka_metadata(job->producer, 0, job->topic, &metadata, 10000)) fail("the broker tells nothing of OUT");
    rd_kafka_metadata_destroy(metadata);
    while (now() < end) rd_kafka_poll(job->producer, 10);
}

int main(int argc, char **argv) {
    if (argc != 11) fail("usage: relay BROKERS IN OUT COUNT GROUP HEADERS MORE LINGER WARM AHEAD");
    long count = atol(argv[4]), taken = 0;
    struct job job = {.type = argv[3], .with_headers = atoi(argv[6]), .more = strtoul(argv[7], NULL, 10)};
    if (job.more >= sizeof longer) fail("MORE is too much");
    snprintf(job.source, sizeof job.source, "/bots/%s", argv[5]);
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    set(conf, "group.id", argv[5]);
    set(conf, "auto.offset.reset", "earliest");
    set(conf, "enable.auto.commit", "false");
    // librdkafka has one fetch under way: sent for the partitions that have nothing more, it would keep the others waiting for 500 ms.
    set(conf, "fetch.wait.max.ms", "10");
    if (atoi(argv[10])) {
        set(conf, "queued.min.messages", "10000000");
        set(conf, "queued.max.messages.kbytes", "1000000");
    }
    rd_kafka_t *consumer = make(RD_KAFKA_CONSUMER, conf, argv[1]);
    rd_kafka_poll_set_consumer(consumer);
    conf = rd_kafka_conf_new();
    set(conf, "enable.idempotence", "true");
    set(conf, "linger.ms", argv[8]);
    set(conf, "partitioner", "murmur2_random");
    rd_kafka_conf_set_dr_msg_cb(conf, delivered);
    job.producer = make(RD_KAFKA_PRODUCER, conf, argv[1]);
    job.topic = rd_kafka_topic_new(job.producer, argv[3], NULL);
    warm(&job, atof(argv[9]) / 1000);
    rd_kafka_topic_partition_list_t *topics = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(topics, argv[2], RD_KAFKA_PARTITION_UA);
    if (!job.topic || rd_kafka_subscribe(consumer, topics)) fail("cannot subscribe");
    double start = 0, news;
    news = now();
    while (taken < count) {
        rd_kafka_message_t *message = rd_kafka_consumer_poll(consumer, 100);
        rd_kafka_poll(job.producer, 0);
        if (!message) {
            if (now() - news > 60) fail("nothing came for a minute");
            continue;
        }
        if (!message->err) {
            news = now();
            if (!taken++) start = news;
            copy(&job, message);
        }
        rd_kafka_message_destroy(message);
    }
    rd_kafka_flush(job.producer, 60000);
    double seconds = now() - start;
    rd_kafka_commit(consumer, NULL, 0);
    printf("{\"messages\":%ld,\"acked\":%ld,\"failed\":%ld,\"seconds\":%.3f,\"rate\":%.0f}\n", taken, acked, taken - acked, seconds,
           taken / seconds);
    rd_kafka_topic_partition_list_destroy(topics);
    rd_kafka_topic_destroy(job.topic);
    rd_kafka_consumer_close(consumer);
    rd_kafka_destroy(job.producer);
    rd_kafka_destroy(consumer);
    return taken != acked;
}
