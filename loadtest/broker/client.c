#include "bench.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

void die(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    fputs("bench: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    exit(1);
}

int64_t now_ns(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

static void set(rd_kafka_conf_t *conf, const char *name, const char *value) {
    char problem[256];
    if (rd_kafka_conf_set(conf, name, value, problem, sizeof problem) != RD_KAFKA_CONF_OK) die("%s=%s: %s", name, value, problem);
}

static rd_kafka_t *client_start(rd_kafka_conf_t *conf, rd_kafka_type_t type) {
    char problem[256];
    rd_kafka_t *client = rd_kafka_new(type, conf, problem, sizeof problem);
    if (!client) die("no client: %s", problem);
    return client;
}

void target_open(struct target *target, const struct options *options) {
    memset(target, 0, sizeof *target);
    target->name = options->name;
    if (strcmp(options->brokers, "mock") != 0) {
        snprintf(target->bootstrap, sizeof target->bootstrap, "%s", options->brokers);
        return;
    }
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    set(conf, "test.mock.num.brokers", "1");
    target->mock_owner = client_start(conf, RD_KAFKA_PRODUCER);
    target->mock = rd_kafka_handle_mock_cluster(target->mock_owner);
    snprintf(target->bootstrap, sizeof target->bootstrap, "%s", rd_kafka_mock_cluster_bootstraps(target->mock));
}

void target_close(struct target *target) {
    if (target->mock_owner) rd_kafka_destroy(target->mock_owner);
}

rd_kafka_t *client_new(const struct target *target, rd_kafka_type_t type, void (*delivered)(rd_kafka_t *, const rd_kafka_message_t *, void *), void *opaque,
                       ...) {
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    set(conf, "bootstrap.servers", target->bootstrap);
    /* One broker ignores the limits of a fetch. */
    set(conf, "receive.message.max.bytes", "2000000000");
    va_list arguments;
    va_start(arguments, opaque);
    for (const char *name; (name = va_arg(arguments, const char *));) set(conf, name, va_arg(arguments, const char *));
    va_end(arguments);
    if (delivered) rd_kafka_conf_set_dr_msg_cb(conf, delivered);
    rd_kafka_conf_set_opaque(conf, opaque);
    rd_kafka_t *client = client_start(conf, type);
    if (type == RD_KAFKA_CONSUMER) rd_kafka_poll_set_consumer(client);
    return client;
}

void topic_create(struct target *target, const char *topic, int partitions) {
    if (target->mock) {
        rd_kafka_resp_err_t error = rd_kafka_mock_topic_create(target->mock, topic, partitions, 1);
        if (error) die("cannot create %s: %s", topic, rd_kafka_err2str(error));
        return;
    }
    rd_kafka_t *client = client_new(target, RD_KAFKA_PRODUCER, NULL, NULL, NULL);
    char problem[256] = "";
    rd_kafka_NewTopic_t *new_topic = rd_kafka_NewTopic_new(topic, partitions, 1, problem, sizeof problem);
    if (!new_topic) die("cannot create %s: %s", topic, problem);
    rd_kafka_queue_t *queue = rd_kafka_queue_new(client);
    rd_kafka_CreateTopics(client, &new_topic, 1, NULL, queue);
    rd_kafka_event_t *event = rd_kafka_queue_poll(queue, 30000);
    const rd_kafka_CreateTopics_result_t *result = event ? rd_kafka_event_CreateTopics_result(event) : NULL;
    size_t count = 0;
    const rd_kafka_topic_result_t **topics = result ? rd_kafka_CreateTopics_result_topics(result, &count) : NULL;
    if (count != 1) die("cannot create %s: %s", topic, event ? rd_kafka_event_error_string(event) : "no answer in 30 s");
    if (rd_kafka_topic_result_error(topics[0])) die("cannot create %s: %s", topic, rd_kafka_err2str(rd_kafka_topic_result_error(topics[0])));
    rd_kafka_event_destroy(event);
    rd_kafka_queue_destroy(queue);
    rd_kafka_NewTopic_destroy(new_topic);
    rd_kafka_destroy(client);
}

void consumer_assign(rd_kafka_t *consumer, const char *topic, int partitions, int64_t offset) {
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(partitions);
    for (int partition = 0; partition < partitions; partition++) rd_kafka_topic_partition_list_add(list, topic, partition)->offset = offset;
    rd_kafka_resp_err_t error = rd_kafka_assign(consumer, list);
    if (error) die("cannot assign %s: %s", topic, rd_kafka_err2str(error));
    rd_kafka_topic_partition_list_destroy(list);
}

void consumer_close(rd_kafka_t *consumer) {
    rd_kafka_consumer_close(consumer);
    rd_kafka_destroy(consumer);
}
