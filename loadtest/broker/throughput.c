#include "bench.h"

#include <stdio.h>
#include <string.h>

struct delivery {
    long acknowledged;
    long failed;
};

static void delivered(rd_kafka_t *client, const rd_kafka_message_t *message, void *opaque) {
    (void)client;
    struct delivery *delivery = opaque;
    if (message->err) {
        if (delivery->failed++ == 0) fprintf(stderr, "bench: not delivered: %s\n", rd_kafka_err2str(message->err));
    } else {
        delivery->acknowledged++;
    }
}

/* Produces all records and waits until each is acknowledged; gives the nanoseconds that took, without those of connecting. With fill_partitions the
 * partitions are filled one after the other, so that each holds the same number of records in batches as large as they can be; with 0 the client chooses. */
static int64_t produce_all(struct target *target, const char *topic, long records, int fill_partitions) {
    struct delivery delivery = {0, 0};
    rd_kafka_t *client = client_new(target, RD_KAFKA_PRODUCER, delivered, &delivery, "acks", "all", "linger.ms", "5", "batch.size", "1000000",
                                    "batch.num.messages", "10000", "queue.buffering.max.messages", "100000", NULL);
    rd_kafka_topic_t *handle = rd_kafka_topic_new(client, topic, NULL);
    const struct rd_kafka_metadata *metadata;
    rd_kafka_resp_err_t error = rd_kafka_metadata(client, 0, handle, &metadata, 30000);
    if (error) die("%s: no metadata: %s", target->name, rd_kafka_err2str(error));
    rd_kafka_metadata_destroy(metadata);
    char value[VALUE_SIZE];
    memset(value, 'v', sizeof value);
    int64_t begin = now_ns();
    for (long record = 0; record < records; record++) {
        memcpy(value, &record, sizeof record);
        int32_t partition = fill_partitions ? (int32_t)(record * fill_partitions / records) : RD_KAFKA_PARTITION_UA;
        while (rd_kafka_produce(handle, partition, RD_KAFKA_MSG_F_COPY, value, sizeof value, NULL, 0, NULL) != 0) {
            if (rd_kafka_last_error() != RD_KAFKA_RESP_ERR__QUEUE_FULL) die("cannot produce: %s", rd_kafka_err2str(rd_kafka_last_error()));
            rd_kafka_poll(client, 10);
        }
        if (record % 1000 == 0) rd_kafka_poll(client, 0);
    }
    while (delivery.acknowledged + delivery.failed < records && rd_kafka_flush(client, 60000) == 0) continue;
    if (delivery.acknowledged != records) die("%s: only %ld of %ld records were acknowledged", target->name, delivery.acknowledged, records);
    int64_t end = now_ns();
    rd_kafka_topic_destroy(handle);
    rd_kafka_destroy(client);
    return end - begin;
}

static void print_rate(const char *measure, const struct target *target, int round, long records, int64_t ns) {
    double seconds = (double)ns / 1e9;
    printf("{\"measure\": \"%s\", \"broker\": \"%s\", \"round\": %d, \"records\": %ld, \"seconds\": %.4f, \"per_second\": %.0f}\n", measure, target->name, round,
           records, seconds, (double)records / seconds);
    fflush(stdout);
}

void measure_produce(struct target *target, const struct options *options, int round) {
    char topic[64];
    snprintf(topic, sizeof topic, "%s-produce-%d", options->prefix, round);
    topic_create(target, topic, options->partitions);
    print_rate("produce", target, round, options->records, produce_all(target, topic, options->records, 0));
}

void measure_fill(struct target *target, const struct options *options) {
    char topic[64];
    snprintf(topic, sizeof topic, "%s-consume", options->prefix);
    topic_create(target, topic, options->consume_partitions);
    produce_all(target, topic, options->records, options->consume_partitions);
}

void measure_consume(struct target *target, const struct options *options, int round) {
    char topic[64];
    snprintf(topic, sizeof topic, "%s-consume", options->prefix);
    rd_kafka_t *client = client_new(target, RD_KAFKA_CONSUMER, NULL, NULL, "group.id", "bench", "enable.auto.commit", "false", "enable.auto.offset.store",
                                    "false", "auto.offset.reset", "error", NULL);
    consumer_assign(client, topic, options->consume_partitions, RD_KAFKA_OFFSET_BEGINNING);
    long records = 0;
    int64_t begin = 0, sum = 0;
    while (records < options->records) {
        rd_kafka_message_t *message = rd_kafka_consumer_poll(client, 30000);
        if (!message) die("%s: only %ld of %ld records came", target->name, records, options->records);
        if (message->err) die("%s: after %ld records: %s", target->name, records, rd_kafka_message_errstr(message));
        if (message->len != VALUE_SIZE) die("a record of %zu bytes", message->len);
        if (records == 0) begin = now_ns();
        long index;
        memcpy(&index, message->payload, sizeof index);
        sum += index;
        records++;
        rd_kafka_message_destroy(message);
    }
    int64_t end = now_ns();
    if (sum != (int64_t)records * (records - 1) / 2) die("%s: the records that came are not those that were sent", target->name);
    print_rate("consume", target, round, records, end - begin);
    consumer_close(client);
}
