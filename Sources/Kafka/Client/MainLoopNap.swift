import CNap
import CRdKafka

/// Keeps the main thread of a librdkafka client from spinning.
///
/// Before version 2.4 that thread waits for a timer which is due within a millisecond by looking at the clock all the time
/// (https://github.com/confluentinc/librdkafka/issues/4684). Every transaction starts such a timer, when its first record is produced.
enum MainLoopNap {
    /// Whether the librdkafka that is loaded needs it.
    static let isNeeded = rd_kafka_version() < 0x0204_0000

    /// Lets the main thread of the client that is made of `configuration` nap.
    static func attach(to configuration: OpaquePointer) {
        if isNeeded { rd_kafka_conf_interceptor_add_on_new(configuration, name, watchNewClient, nil) }
    }

    fileprivate static let name = "mesh-nap"
}

private func watchNewClient(
    client: OpaquePointer?, configuration: OpaquePointer?, opaque: UnsafeMutableRawPointer?, text: UnsafeMutablePointer<CChar>?, size: Int
) -> rd_kafka_resp_err_t {
    rd_kafka_interceptor_add_on_thread_start(client, MainLoopNap.name, watchThread, nil)
}

/// Called by each of librdkafka's threads when it starts.
private func watchThread(
    client: OpaquePointer?, type: rd_kafka_thread_type_t, name: UnsafePointer<CChar>?, opaque: UnsafeMutableRawPointer?
) -> rd_kafka_resp_err_t {
    if type == RD_KAFKA_THREAD_MAIN { cnap_watch_this_thread() }
    return RD_KAFKA_RESP_ERR_NO_ERROR
}
