#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>
#include <stdint.h>
#include <sys/prctl.h>

// rd_kafka_producev is variadic, which Swift cannot call.
static inline rd_kafka_resp_err_t mesh_produce(rd_kafka_t *rk, rd_kafka_topic_t *topic, int32_t partition, const void *key,
                                               size_t key_size, const void *value, size_t value_size, int64_t timestamp_ms,
                                               rd_kafka_headers_t *headers, void *token) {
    return rd_kafka_producev(rk, RD_KAFKA_V_RKT(topic), RD_KAFKA_V_PARTITION(partition), RD_KAFKA_V_KEY(key, key_size),
                             RD_KAFKA_V_VALUE((void *)value, value_size), RD_KAFKA_V_TIMESTAMP(timestamp_ms),
                             RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_HEADERS(headers), RD_KAFKA_V_OPAQUE(token),
                             RD_KAFKA_V_END);
}

// So is this one: an error code (0 for none) for the next request of a kind at one broker of the imitation, and how long its answer takes.
static inline rd_kafka_resp_err_t mesh_mock_fail(rd_kafka_mock_cluster_t *cluster, int32_t broker, int16_t api, rd_kafka_resp_err_t code,
                                                 int rtt_ms) {
    return rd_kafka_mock_broker_push_request_error_rtts(cluster, broker, api, (size_t)1, code, rtt_ms);
}

// prctl is variadic too. Names the calling thread, as ps and gdb show it.
static inline void mesh_name_thread(const char *name) { prctl(PR_SET_NAME, name, 0, 0, 0); }
