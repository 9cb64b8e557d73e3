#include "bench.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Times in nanoseconds; each array is written by one thread and read when that thread has ended. */
struct samples {
    rd_kafka_t *producer, *consumer;
    long total, skipped; /* the first ones do not count */
    int64_t *acknowledged, *received;
    long acknowledged_count, received_count;
    atomic_bool stopped;
};

static void delivered(rd_kafka_t *client, const rd_kafka_message_t *message, void *opaque) {
    (void)client;
    struct samples *samples = opaque;
    if (message->err) die("not delivered: %s", rd_kafka_err2str(message->err));
    int64_t sent;
    memcpy(&sent, message->payload, sizeof sent);
    samples->acknowledged[samples->acknowledged_count++] = now_ns() - sent;
}

static void *poll_deliveries(void *opaque) {
    struct samples *samples = opaque;
    while (samples->acknowledged_count < samples->total && !atomic_load(&samples->stopped)) rd_kafka_poll(samples->producer, 100);
    return NULL;
}

static void *consume(void *opaque) {
    struct samples *samples = opaque;
    while (samples->received_count < samples->total && !atomic_load(&samples->stopped)) {
        rd_kafka_message_t *message = rd_kafka_consumer_poll(samples->consumer, 100);
        if (!message) continue;
        if (!message->err && message->len == VALUE_SIZE) {
            int64_t sent;
            memcpy(&sent, message->payload, sizeof sent);
            samples->received[samples->received_count++] = now_ns() - sent;
        }
        rd_kafka_message_destroy(message);
    }
    return NULL;
}

/* One record each 1/rate second, by the clock: a slow broker does not slow the sender down. */
static void send_paced(struct samples *samples, rd_kafka_topic_t *topic, int rate) {
    char value[VALUE_SIZE];
    memset(value, 'v', sizeof value);
    int64_t next = now_ns();
    for (long record = 0; record < samples->total; record++) {
        next += 1000000000 / rate;
        struct timespec until = {next / 1000000000, next % 1000000000};
        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
        int64_t sent = now_ns();
        memcpy(value, &sent, sizeof sent);
        if (rd_kafka_produce(topic, RD_KAFKA_PARTITION_UA, RD_KAFKA_MSG_F_COPY, value, sizeof value, NULL, 0, NULL) != 0)
            die("cannot produce: %s", rd_kafka_err2str(rd_kafka_last_error()));
    }
}

static int by_size(const void *left, const void *right) {
    int64_t a = *(const int64_t *)left, b = *(const int64_t *)right;
    return (a > b) - (a < b);
}

static void print_latency(const char *measure, const struct target *target, int round, int64_t *all, const struct samples *samples) {
    int64_t *times = all + samples->skipped;
    long count = samples->total - samples->skipped;
    qsort(times, count, sizeof *times, by_size);
    printf("{\"measure\": \"%s\", \"broker\": \"%s\", \"round\": %d, \"records\": %ld, \"p50_ms\": %.3f, \"p99_ms\": %.3f, \"max_ms\": %.3f}\n", measure,
           target->name, round, count, times[count / 2] / 1e6, times[count * 99 / 100] / 1e6, times[count - 1] / 1e6);
    fflush(stdout);
}

void measure_latency(struct target *target, const struct options *options, int round) {
    char name[64];
    snprintf(name, sizeof name, "%s-latency-%d", options->prefix, round);
    topic_create(target, name, options->partitions);
    struct samples samples = {.total = (long)options->rate * (options->seconds + 1), .skipped = options->rate};
    samples.acknowledged = calloc(samples.total, sizeof(int64_t));
    samples.received = calloc(samples.total, sizeof(int64_t));
    samples.producer = client_new(target, RD_KAFKA_PRODUCER, delivered, &samples, "acks", "all", "linger.ms", "0", NULL);
    samples.consumer = client_new(target, RD_KAFKA_CONSUMER, NULL, NULL, "group.id", "bench", "enable.auto.commit", "false", NULL);
    consumer_assign(samples.consumer, name, options->partitions, RD_KAFKA_OFFSET_BEGINNING);
    rd_kafka_topic_t *topic = rd_kafka_topic_new(samples.producer, name, NULL);
    pthread_t deliveries, consumption;
    pthread_create(&deliveries, NULL, poll_deliveries, &samples);
    pthread_create(&consumption, NULL, consume, &samples);
    send_paced(&samples, topic, options->rate);
    for (int waited = 0; waited < 100 && (samples.acknowledged_count < samples.total || samples.received_count < samples.total); waited++)
        nanosleep(&(struct timespec){0, 100000000}, NULL);
    atomic_store(&samples.stopped, true);
    pthread_join(deliveries, NULL);
    pthread_join(consumption, NULL);
    if (samples.acknowledged_count != samples.total || samples.received_count != samples.total)
        die("%s: of %ld records %ld were acknowledged and %ld received", target->name, samples.total, samples.acknowledged_count, samples.received_count);
    print_latency("acknowledged", target, round, samples.acknowledged, &samples);
    print_latency("end to end", target, round, samples.received, &samples);
    rd_kafka_topic_destroy(topic);
    rd_kafka_destroy(samples.producer);
    consumer_close(samples.consumer);
    free(samples.acknowledged);
    free(samples.received);
}
