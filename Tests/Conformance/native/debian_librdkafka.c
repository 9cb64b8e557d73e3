// Calls of Debian's librdkafka that kcat cannot make: administration and transactions. One command, one answer on standard output.
//
//   cc -O1 -Wall -o PROGRAM debian_librdkafka.c -lrdkafka
//   PROGRAM SERVERS COMMAND ARGUMENT...
//
// The answer is "ok ..." or "error CODE NAME"; exit code 0 for both, 2 when there was no answer in time or the command is wrong.
// PROPERTIES in the environment ("name=value name=value") is set on every client.
#include <librdkafka/rdkafka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { limit_ms = 60000 };

static const char *servers;

static void fail(const char *what) {
    fprintf(stderr, "debian_librdkafka: %s\n", what);
    exit(2);
}

static int answer_error(rd_kafka_resp_err_t code) {
    printf("error %d %s\n", code, rd_kafka_err2name(code));
    return 0;
}

static void set(rd_kafka_conf_t *conf, const char *name, const char *value) {
    char text[256];
    if (rd_kafka_conf_set(conf, name, value, text, sizeof text) != RD_KAFKA_CONF_OK) fail(text);
}

// `more` is name, value, name, value, NULL.
static rd_kafka_t *client(rd_kafka_type_t type, const char **more) {
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    set(conf, "bootstrap.servers", servers);
    set(conf, "log_level", "0");
    char *properties = getenv("PROPERTIES") ? strdup(getenv("PROPERTIES")) : NULL, *rest = properties;
    for (char *one; rest && (one = strtok_r(rest, " ", &rest));) {
        char *value = strchr(one, '=');
        if (!value) fail("PROPERTIES wants name=value");
        *value = 0;
        set(conf, one, value + 1);
    }
    free(properties);
    for (; more && *more; more += 2) set(conf, more[0], more[1]);
    char text[256];
    rd_kafka_t *kafka = rd_kafka_new(type, conf, text, sizeof text);
    if (!kafka) fail(text);
    return kafka;
}

// One administrative call: its queue, its options, and the event that answers it.
static rd_kafka_t *admin;
static rd_kafka_queue_t *queue;
static rd_kafka_AdminOptions_t *options;

static void begin(void) {
    admin = client(RD_KAFKA_PRODUCER, NULL);
    queue = rd_kafka_queue_new(admin);
    options = rd_kafka_AdminOptions_new(admin, RD_KAFKA_ADMIN_OP_ANY);
    char text[256];
    if (rd_kafka_AdminOptions_set_request_timeout(options, limit_ms, text, sizeof text)) fail(text);
}

// The event, or NULL after its error was printed.
static rd_kafka_event_t *finish(void) {
    rd_kafka_event_t *event = rd_kafka_queue_poll(queue, limit_ms + 5000);
    if (!event) fail("no answer in time");
    if (!rd_kafka_event_error(event)) return event;
    answer_error(rd_kafka_event_error(event));
    return NULL;
}

static int topic_results(const rd_kafka_topic_result_t **results, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (rd_kafka_topic_result_error(results[i])) return answer_error(rd_kafka_topic_result_error(results[i]));
    return puts("ok") < 0;
}

static int group_results(const rd_kafka_group_result_t **results, size_t count) {
    for (size_t i = 0; i < count; i++) {
        const rd_kafka_error_t *error = rd_kafka_group_result_error(results[i]);
        if (error) return answer_error(rd_kafka_error_code(error));
        const rd_kafka_topic_partition_list_t *list = rd_kafka_group_result_partitions(results[i]);
        for (int p = 0; list && p < list->cnt; p++)
            if (list->elems[p].err) return answer_error(list->elems[p].err);
        printf("ok");
        for (int p = 0; list && p < list->cnt; p++) printf(" %s:%d:%lld", list->elems[p].topic, list->elems[p].partition, (long long)list->elems[p].offset);
        puts("");
    }
    return 0;
}

static rd_kafka_topic_partition_list_t *place(const char *topic, const char *partition, const char *offset) {
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, topic, atoi(partition))->offset = offset ? atoll(offset) : RD_KAFKA_OFFSET_INVALID;
    return list;
}

// create TOPIC PARTITIONS [key=value]
static int create_topic(char **a) {
    char text[256];
    rd_kafka_NewTopic_t *topic = rd_kafka_NewTopic_new(a[0], atoi(a[1]), 1, text, sizeof text);
    if (!topic) fail(text);
    for (a += 2; *a; a++) {
        char *value = strchr(*a, '=');
        if (!value) fail("a configuration is key=value");
        *value = 0;
        rd_kafka_NewTopic_set_config(topic, *a, value + 1);
    }
    begin();
    rd_kafka_CreateTopics(admin, &topic, 1, options, queue);
    rd_kafka_event_t *event = finish();
    size_t count = 0;
    if (!event) return 0;
    const rd_kafka_topic_result_t **results = rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(event), &count);
    return topic_results(results, count);
}

static int delete_topic(char **a) {
    rd_kafka_DeleteTopic_t *topic = rd_kafka_DeleteTopic_new(a[0]);
    begin();
    rd_kafka_DeleteTopics(admin, &topic, 1, options, queue);
    rd_kafka_event_t *event = finish();
    size_t count = 0;
    if (!event) return 0;
    const rd_kafka_topic_result_t **results = rd_kafka_DeleteTopics_result_topics(rd_kafka_event_DeleteTopics_result(event), &count);
    return topic_results(results, count);
}

// partitions TOPIC COUNT
static int create_partitions(char **a) {
    char text[256];
    rd_kafka_NewPartitions_t *partitions = rd_kafka_NewPartitions_new(a[0], atoi(a[1]), text, sizeof text);
    if (!partitions) fail(text);
    begin();
    rd_kafka_CreatePartitions(admin, &partitions, 1, options, queue);
    rd_kafka_event_t *event = finish();
    size_t count = 0;
    if (!event) return 0;
    const rd_kafka_topic_result_t **results = rd_kafka_CreatePartitions_result_topics(rd_kafka_event_CreatePartitions_result(event), &count);
    return topic_results(results, count);
}

// delete-records TOPIC PARTITION OFFSET
static int delete_records(char **a) {
    rd_kafka_DeleteRecords_t *records = rd_kafka_DeleteRecords_new(place(a[0], a[1], a[2]));
    begin();
    rd_kafka_DeleteRecords(admin, &records, 1, options, queue);
    rd_kafka_event_t *event = finish();
    if (!event) return 0;
    const rd_kafka_topic_partition_list_t *list = rd_kafka_DeleteRecords_result_offsets(rd_kafka_event_DeleteRecords_result(event));
    if (list->elems[0].err) return answer_error(list->elems[0].err);
    return printf("ok %lld\n", (long long)list->elems[0].offset) < 0;
}

// describe-configs TOPIC KEY...: the values in the order of the keys
static int describe_configs(char **a) {
    rd_kafka_ConfigResource_t *resource = rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, a[0]);
    begin();
    rd_kafka_DescribeConfigs(admin, &resource, 1, options, queue);
    rd_kafka_event_t *event = finish();
    size_t count = 0, entries = 0;
    if (!event) return 0;
    const rd_kafka_ConfigResource_t **found = rd_kafka_DescribeConfigs_result_resources(rd_kafka_event_DescribeConfigs_result(event), &count);
    if (rd_kafka_ConfigResource_error(found[0])) return answer_error(rd_kafka_ConfigResource_error(found[0]));
    const rd_kafka_ConfigEntry_t **all = rd_kafka_ConfigResource_configs(found[0], &entries);
    printf("ok");
    for (char **key = a + 1; *key; key++)
        for (size_t i = 0; i < entries; i++)
            if (!strcmp(rd_kafka_ConfigEntry_name(all[i]), *key)) printf(" %s", rd_kafka_ConfigEntry_value(all[i]));
    return puts("") < 0;
}

// alter-configs TOPIC key=value...: the older call, which resets every other key
static int alter_configs(char **a) {
    rd_kafka_ConfigResource_t *resource = rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, a[0]);
    for (a++; *a; a++) {
        char *value = strchr(*a, '=');
        if (!value) fail("a configuration is key=value");
        *value = 0;
        rd_kafka_ConfigResource_set_config(resource, *a, value + 1);
    }
    begin();
    rd_kafka_AlterConfigs(admin, &resource, 1, options, queue);
    rd_kafka_event_t *event = finish();
    size_t count = 0;
    if (!event) return 0;
    const rd_kafka_ConfigResource_t **found = rd_kafka_AlterConfigs_result_resources(rd_kafka_event_AlterConfigs_result(event), &count);
    rd_kafka_resp_err_t code = rd_kafka_ConfigResource_error(found[0]);
    return code ? answer_error(code) : puts("ok") < 0;
}

static int list_groups(char **a) {
    begin();
    rd_kafka_ListConsumerGroups(admin, options, queue);
    rd_kafka_event_t *event = finish();
    size_t count = 0;
    if (!event) return 0;
    const rd_kafka_ConsumerGroupListing_t **all = rd_kafka_ListConsumerGroups_result_valid(rd_kafka_event_ListConsumerGroups_result(event), &count);
    printf("ok");
    for (size_t i = 0; i < count; i++)
        printf(" %s:%s", rd_kafka_ConsumerGroupListing_group_id(all[i]), rd_kafka_consumer_group_state_name(rd_kafka_ConsumerGroupListing_state(all[i])));
    return puts("") < 0;
}

// describe-group GROUP: state, assignor, and each member's client id with its partitions
static int describe_group(char **a) {
    const char *groups[] = {a[0]};
    begin();
    rd_kafka_DescribeConsumerGroups(admin, groups, 1, options, queue);
    rd_kafka_event_t *event = finish();
    size_t count = 0;
    if (!event) return 0;
    const rd_kafka_ConsumerGroupDescription_t *group =
        rd_kafka_DescribeConsumerGroups_result_groups(rd_kafka_event_DescribeConsumerGroups_result(event), &count)[0];
    const rd_kafka_error_t *error = rd_kafka_ConsumerGroupDescription_error(group);
    if (error) return answer_error(rd_kafka_error_code(error));
    printf("ok %s %s", rd_kafka_consumer_group_state_name(rd_kafka_ConsumerGroupDescription_state(group)),
           rd_kafka_ConsumerGroupDescription_partition_assignor(group));
    for (size_t i = 0; i < rd_kafka_ConsumerGroupDescription_member_count(group); i++) {
        const rd_kafka_MemberDescription_t *member = rd_kafka_ConsumerGroupDescription_member(group, i);
        const rd_kafka_MemberAssignment_t *assignment = rd_kafka_MemberDescription_assignment(member);
        const rd_kafka_topic_partition_list_t *list = assignment ? rd_kafka_MemberAssignment_partitions(assignment) : NULL;
        printf(" %s:%d", rd_kafka_MemberDescription_client_id(member), list ? list->cnt : 0);
    }
    return puts("") < 0;
}

static int delete_group(char **a) {
    rd_kafka_DeleteGroup_t *group = rd_kafka_DeleteGroup_new(a[0]);
    begin();
    rd_kafka_DeleteGroups(admin, &group, 1, options, queue);
    rd_kafka_event_t *event = finish();
    size_t count = 0;
    if (!event) return 0;
    const rd_kafka_group_result_t **results = rd_kafka_DeleteGroups_result_groups(rd_kafka_event_DeleteGroups_result(event), &count);
    return group_results(results, count);
}

static int list_offsets(char **a) {
    rd_kafka_ListConsumerGroupOffsets_t *call = rd_kafka_ListConsumerGroupOffsets_new(a[0], NULL);
    begin();
    rd_kafka_ListConsumerGroupOffsets(admin, &call, 1, options, queue);
    rd_kafka_event_t *event = finish();
    size_t count = 0;
    if (!event) return 0;
    const rd_kafka_group_result_t **results =
        rd_kafka_ListConsumerGroupOffsets_result_groups(rd_kafka_event_ListConsumerGroupOffsets_result(event), &count);
    return group_results(results, count);
}

// alter-offsets GROUP TOPIC PARTITION OFFSET
static int alter_offsets(char **a) {
    rd_kafka_AlterConsumerGroupOffsets_t *call = rd_kafka_AlterConsumerGroupOffsets_new(a[0], place(a[1], a[2], a[3]));
    begin();
    rd_kafka_AlterConsumerGroupOffsets(admin, &call, 1, options, queue);
    rd_kafka_event_t *event = finish();
    size_t count = 0;
    if (!event) return 0;
    const rd_kafka_group_result_t **results =
        rd_kafka_AlterConsumerGroupOffsets_result_groups(rd_kafka_event_AlterConsumerGroupOffsets_result(event), &count);
    return group_results(results, count);
}

// delete-offsets GROUP TOPIC PARTITION
static int delete_offsets(char **a) {
    rd_kafka_DeleteConsumerGroupOffsets_t *call = rd_kafka_DeleteConsumerGroupOffsets_new(a[0], place(a[1], a[2], NULL));
    begin();
    rd_kafka_DeleteConsumerGroupOffsets(admin, &call, 1, options, queue);
    rd_kafka_event_t *event = finish();
    size_t count = 0;
    if (!event) return 0;
    const rd_kafka_group_result_t **results =
        rd_kafka_DeleteConsumerGroupOffsets_result_groups(rd_kafka_event_DeleteConsumerGroupOffsets_result(event), &count);
    return group_results(results, count);
}

// acl create|describe|delete TOPIC PRINCIPAL: write access to a topic; says how many match
static int acl(char **a) {
    char text[256];
    begin();
    size_t count = 0;
    if (!strcmp(a[0], "create")) {
        rd_kafka_AclBinding_t *binding = rd_kafka_AclBinding_new(
            RD_KAFKA_RESOURCE_TOPIC, a[1], RD_KAFKA_RESOURCE_PATTERN_LITERAL, a[2], "*", RD_KAFKA_ACL_OPERATION_WRITE,
            RD_KAFKA_ACL_PERMISSION_TYPE_ALLOW, text, sizeof text);
        if (!binding) fail(text);
        rd_kafka_CreateAcls(admin, &binding, 1, options, queue);
        rd_kafka_event_t *event = finish();
        if (!event) return 0;
        const rd_kafka_acl_result_t **results = rd_kafka_CreateAcls_result_acls(rd_kafka_event_CreateAcls_result(event), &count);
        const rd_kafka_error_t *error = rd_kafka_acl_result_error(results[0]);
        return error ? answer_error(rd_kafka_error_code(error)) : puts("ok") < 0;
    }
    rd_kafka_AclBindingFilter_t *filter = rd_kafka_AclBindingFilter_new(
        RD_KAFKA_RESOURCE_TOPIC, a[1], RD_KAFKA_RESOURCE_PATTERN_LITERAL, a[2], NULL, RD_KAFKA_ACL_OPERATION_ANY,
        RD_KAFKA_ACL_PERMISSION_TYPE_ANY, text, sizeof text);
    if (!filter) fail(text);
    if (!strcmp(a[0], "describe")) {
        rd_kafka_DescribeAcls(admin, filter, options, queue);
        rd_kafka_event_t *event = finish();
        if (!event) return 0;
        rd_kafka_DescribeAcls_result_acls(rd_kafka_event_DescribeAcls_result(event), &count);
    } else {
        rd_kafka_DeleteAcls(admin, &filter, 1, options, queue);
        rd_kafka_event_t *event = finish();
        if (!event) return 0;
        size_t responses = 0;
        const rd_kafka_DeleteAcls_result_response_t **all =
            rd_kafka_DeleteAcls_result_responses(rd_kafka_event_DeleteAcls_result(event), &responses);
        const rd_kafka_error_t *error = rd_kafka_DeleteAcls_result_response_error(all[0]);
        if (error) return answer_error(rd_kafka_error_code(error));
        rd_kafka_DeleteAcls_result_response_matching_acls(all[0], &count);
    }
    return printf("ok %zu\n", count) < 0;
}

static int check(rd_kafka_error_t *error) {
    if (!error) return 0;
    printf("error %d %s%s%s\n", rd_kafka_error_code(error), rd_kafka_error_name(error), rd_kafka_error_is_fatal(error) ? " fatal" : "",
           rd_kafka_error_txn_requires_abort(error) ? " abort" : "");
    return 1;
}

static rd_kafka_t *transactional(const char *id) {
    const char *more[] = {"transactional.id", id, NULL};
    return client(RD_KAFKA_PRODUCER, more);
}

static void produce(rd_kafka_t *producer, const char *topic, const char *value) {
    rd_kafka_resp_err_t code = rd_kafka_producev(
        producer, RD_KAFKA_V_TOPIC(topic), RD_KAFKA_V_PARTITION(0), RD_KAFKA_V_VALUE((void *)value, strlen(value)),
        RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_END);
    if (code) fail(rd_kafka_err2name(code));
}

// transaction ID TOPIC commit|abort VALUE...
static int transaction(char **a) {
    rd_kafka_t *producer = transactional(a[0]);
    if (check(rd_kafka_init_transactions(producer, limit_ms)) || check(rd_kafka_begin_transaction(producer))) return 0;
    for (char **value = a + 3; *value; value++) produce(producer, a[1], *value);
    if (rd_kafka_flush(producer, limit_ms)) fail("not delivered in time");
    int commit = !strcmp(a[2], "commit");
    if (check(commit ? rd_kafka_commit_transaction(producer, limit_ms) : rd_kafka_abort_transaction(producer, limit_ms))) return 0;
    return puts("ok") < 0;
}

// fence ID TOPIC: begins, lets a second producer with the id begin, and tries to commit the first
static int fence(char **a) {
    rd_kafka_t *elder = transactional(a[0]);
    if (check(rd_kafka_init_transactions(elder, limit_ms)) || check(rd_kafka_begin_transaction(elder))) return 0;
    produce(elder, a[1], "zombie");
    rd_kafka_flush(elder, limit_ms);
    if (check(rd_kafka_init_transactions(transactional(a[0]), limit_ms))) return 0;
    if (check(rd_kafka_commit_transaction(elder, limit_ms))) return 0;
    return puts("ok") < 0;
}

// move ID GROUP SOURCE TARGET COUNT: reads COUNT records as a group member, writes them and commits the offset in one transaction
static int move(char **a) {
    const char *more[] = {"group.id", a[1], "auto.offset.reset", "earliest", "enable.auto.commit", "false", "isolation.level", "read_committed", NULL};
    rd_kafka_t *consumer = client(RD_KAFKA_CONSUMER, more), *producer = transactional(a[0]);
    rd_kafka_poll_set_consumer(consumer);
    rd_kafka_topic_partition_list_t *topics = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(topics, a[2], RD_KAFKA_PARTITION_UA);
    rd_kafka_subscribe(consumer, topics);
    if (check(rd_kafka_init_transactions(producer, limit_ms)) || check(rd_kafka_begin_transaction(producer))) return 0;
    int wanted = atoi(a[4]), waited = 0;
    char value[4096];
    for (int count = 0; count < wanted;) {
        rd_kafka_message_t *message = rd_kafka_consumer_poll(consumer, 100);
        if (!message && ++waited > limit_ms / 100) fail("too few records in time");
        if (!message) continue;
        if (message->err) fail(rd_kafka_err2name(message->err));
        snprintf(value, sizeof value, "%.*s", (int)message->len, (char *)message->payload);
        produce(producer, a[3], value);
        rd_kafka_message_destroy(message);
        count++;
    }
    rd_kafka_topic_partition_list_t *positions;
    rd_kafka_assignment(consumer, &positions);
    rd_kafka_position(consumer, positions);
    rd_kafka_consumer_group_metadata_t *metadata = rd_kafka_consumer_group_metadata(consumer);
    if (check(rd_kafka_send_offsets_to_transaction(producer, positions, metadata, limit_ms))) return 0;
    if (check(rd_kafka_commit_transaction(producer, limit_ms))) return 0;
    rd_kafka_consumer_close(consumer);
    return puts("ok") < 0;
}

// watermarks TOPIC PARTITION [TIME]: low, high, and the offset for the time
static int watermarks(char **a) {
    const char *more[] = {"group.id", "none", NULL};
    rd_kafka_t *consumer = client(RD_KAFKA_CONSUMER, more);
    int64_t low, high;
    rd_kafka_resp_err_t code = rd_kafka_query_watermark_offsets(consumer, a[0], atoi(a[1]), &low, &high, limit_ms);
    if (code) return answer_error(code);
    printf("ok %lld %lld", (long long)low, (long long)high);
    if (a[2]) {
        rd_kafka_topic_partition_list_t *list = place(a[0], a[1], a[2]);
        code = rd_kafka_offsets_for_times(consumer, list, limit_ms);
        if (code) fail(rd_kafka_err2name(code));
        printf(" %lld", (long long)list->elems[0].offset);
    }
    return puts("") < 0;
}

static const struct {
    const char *name;
    int least;
    int (*run)(char **);
} commands[] = {
    {"create", 2, create_topic},       {"delete", 1, delete_topic},         {"partitions", 2, create_partitions}, {"delete-records", 3, delete_records},
    {"describe-configs", 2, describe_configs}, {"alter-configs", 2, alter_configs}, {"list-groups", 0, list_groups}, {"describe-group", 1, describe_group},
    {"delete-group", 1, delete_group}, {"list-offsets", 1, list_offsets},   {"alter-offsets", 4, alter_offsets},  {"delete-offsets", 3, delete_offsets},
    {"acl", 3, acl},                   {"transaction", 4, transaction},     {"fence", 2, fence},                  {"move", 5, move},
    {"watermarks", 2, watermarks},
};

// Clients are left to the end of the process: rd_kafka_destroy can wait for brokers, and each process makes one call.
int main(int count, char **arguments) {
    if (count < 3) fail("SERVERS COMMAND ARGUMENT...");
    servers = arguments[1];
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        if (strcmp(commands[i].name, arguments[2])) continue;
        if (count - 3 < commands[i].least) fail("too few arguments");
        int code = commands[i].run(arguments + 3);
        fflush(stdout);
        _Exit(code);
    }
    fail("no such command");
}
