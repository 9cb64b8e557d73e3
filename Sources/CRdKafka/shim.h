#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <time.h>

// rd_kafka_producev is variadic, which Swift cannot call.
static inline rd_kafka_resp_err_t mesh_produce(rd_kafka_t *rk, rd_kafka_topic_t *topic, int32_t partition, const void *key,
                                               size_t key_size, const void *value, size_t value_size, int64_t timestamp_ms,
                                               rd_kafka_headers_t *headers, void *token) {
    return rd_kafka_producev(rk, RD_KAFKA_V_RKT(topic), RD_KAFKA_V_PARTITION(partition), RD_KAFKA_V_KEY(key, key_size),
                             RD_KAFKA_V_VALUE((void *)value, value_size), RD_KAFKA_V_TIMESTAMP(timestamp_ms),
                             RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_HEADERS(headers), RD_KAFKA_V_OPAQUE(token),
                             RD_KAFKA_V_END);
}

// prctl is variadic too. Names the calling thread, as ps and gdb show it.
static inline void mesh_name_thread(const char *name) { prctl(PR_SET_NAME, name, 0, 0, 0); }

// Some brokers answer a fetch at once even when they have nothing, and librdkafka then asks again at once, for ever. An answer of the same size as
// the one before holds nothing new: the client's own thread for that broker rests before it asks again. `opaque` is the rest in milliseconds.
static inline rd_kafka_resp_err_t mesh_rest_after_fetch(rd_kafka_t *rk, int socket, const char *broker, int32_t broker_id, int16_t api_key,
                                                        int16_t api_version, int32_t correlation, size_t size, int64_t round_trip,
                                                        rd_kafka_resp_err_t error, void *opaque) {
    static __thread size_t size_before;
    const int16_t fetch = 1;
    if (api_key != fetch) return RD_KAFKA_RESP_ERR_NO_ERROR;
    if (size == size_before) {
        long milliseconds = (long)(intptr_t)opaque;
        struct timespec rest = {milliseconds / 1000, milliseconds % 1000 * 1000000};
        nanosleep(&rest, NULL);
    }
    size_before = size;
    return RD_KAFKA_RESP_ERR_NO_ERROR;
}

static inline rd_kafka_resp_err_t mesh_pace_client(rd_kafka_t *rk, const rd_kafka_conf_t *conf, void *opaque, char *error, size_t error_size) {
    return rd_kafka_interceptor_add_on_response_received(rk, "mesh-fetch-pace", mesh_rest_after_fetch, opaque);
}

// Makes clients of this configuration rest between fetches that bring nothing.
static inline rd_kafka_resp_err_t mesh_pace_fetches(rd_kafka_conf_t *conf, int milliseconds) {
    return rd_kafka_conf_interceptor_add_on_new(conf, "mesh-fetch-pace", mesh_pace_client, (void *)(intptr_t)milliseconds);
}
