/* A client that measures a Kafka broker. All brokers are measured by the same code; see docs/benchmarks.md for the method. */
#ifndef BENCH_H
#define BENCH_H

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>
#include <stdbool.h>
#include <stdint.h>

enum { VALUE_SIZE = 400 };

struct options {
    const char *brokers; /* HOST:PORT, or "mock" for librdkafka's own in this process */
    const char *name;    /* how the broker is called in the output */
    const char *prefix;  /* of the topics' names */
    long records;
    int partitions;
    int consume_partitions; /* as many as the mock needs to keep all records: it keeps 5 MB of each */
    int rounds;
    int rate;    /* records a second of the latency measurement */
    int seconds; /* of the latency measurement, after a second that does not count */
};

/* Where the records go; the mock lives as long as this. */
struct target {
    const char *name;
    char bootstrap[256];
    rd_kafka_t *mock_owner;
    rd_kafka_mock_cluster_t *mock;
};

void target_open(struct target *target, const struct options *options);
void target_close(struct target *target);
void topic_create(struct target *target, const char *topic, int partitions);

/* A client with these properties: name, value, …, NULL. */
rd_kafka_t *client_new(const struct target *target, rd_kafka_type_t type, void (*delivered)(rd_kafka_t *, const rd_kafka_message_t *, void *), void *opaque,
                       ...);
/* Assigns every partition of the topic, from its beginning or its end. */
void consumer_assign(rd_kafka_t *consumer, const char *topic, int partitions, int64_t offset);
void consumer_close(rd_kafka_t *consumer);

void measure_produce(struct target *target, const struct options *options, int round);
void measure_fill(struct target *target, const struct options *options);
void measure_consume(struct target *target, const struct options *options, int round);
void measure_latency(struct target *target, const struct options *options, int round);

int64_t now_ns(void); /* monotonic */
void die(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));

#endif
