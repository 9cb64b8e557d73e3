#include "bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *usage =
    "usage: bench [--option value]… MEASURE…\n"
    "measures: produce, fill, consume (needs fill), latency, in the order given; version prints librdkafka's\n"
    "  --brokers HOST:PORT|mock     default mock: librdkafka's own broker, in this process\n"
    "  --name NAME                  of the broker in the output\n"
    "  --prefix NAME                of the topics, which must not exist yet; default bench\n"
    "  --records N                  default 1000000, of 400 bytes\n"
    "  --partitions N               of the topics of produce and latency; default 4\n"
    "  --consume-partitions N       of the topic of consume; default 100\n"
    "  --rounds N                   of each measure; default 1\n"
    "  --rate N, --seconds N        of latency; default 1000 and 10\n"
    "Prints a line of JSON for each result.\n";

static long number(const char *name, const char *text) {
    char *end;
    long value = strtol(text, &end, 10);
    if (*end || value < 1 || value > 1000000000) die("%s %s: not a number between 1 and 1000000000", name, text);
    return value;
}

static int read_options(int count, char **arguments, struct options *options) {
    int at = 1;
    for (; at < count && strncmp(arguments[at], "--", 2) == 0; at += 2) {
        const char *name = arguments[at] + 2, *value = at + 1 < count ? arguments[at + 1] : NULL;
        if (!value) die("%s needs a value\n%s", arguments[at], usage);
        if (!strcmp(name, "brokers")) options->brokers = value;
        else if (!strcmp(name, "name")) options->name = value;
        else if (!strcmp(name, "prefix")) options->prefix = value;
        else if (!strcmp(name, "records")) options->records = number(name, value);
        else if (!strcmp(name, "partitions")) options->partitions = (int)number(name, value);
        else if (!strcmp(name, "consume-partitions")) options->consume_partitions = (int)number(name, value);
        else if (!strcmp(name, "rounds")) options->rounds = (int)number(name, value);
        else if (!strcmp(name, "rate")) options->rate = (int)number(name, value);
        else if (!strcmp(name, "seconds")) options->seconds = (int)number(name, value);
        else die("%s is not known\n%s", arguments[at], usage);
    }
    return at;
}

static void measure(struct target *target, const struct options *options, const char *name) {
    if (!strcmp(name, "fill")) {
        measure_fill(target, options);
        return;
    }
    for (int round = 1; round <= options->rounds; round++) {
        if (!strcmp(name, "produce")) measure_produce(target, options, round);
        else if (!strcmp(name, "consume")) measure_consume(target, options, round);
        else if (!strcmp(name, "latency")) measure_latency(target, options, round);
        else if (!strcmp(name, "version")) printf("%s\n", rd_kafka_version_str());
        else die("%s is not a measure\n%s", name, usage);
    }
}

int main(int count, char **arguments) {
    struct options options = {
        .brokers = "mock", .prefix = "bench", .records = 1000000, .partitions = 4, .consume_partitions = 100, .rounds = 1, .rate = 1000, .seconds = 10};
    int at = read_options(count, arguments, &options);
    if (!options.name) options.name = options.brokers;
    if (at == count) die("what shall be measured?\n%s", usage);
    struct target target;
    target_open(&target, &options);
    for (; at < count; at++) measure(&target, &options, arguments[at]);
    target_close(&target);
    return 0;
}
