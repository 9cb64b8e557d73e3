import CRdKafka
import Synchronization

/// Knows whether the member is joining its group anew: from the sending of a JoinGroup request to the answer to the SyncGroup request after it.
///
/// librdkafka's API does not tell that; its interceptors see each request go out and each answer come in, on its own threads.
final class JoinWatch: Sendable {
    /// Whether a join is under way.
    let isJoining = Atomic<Bool>(false)

    /// Lets a client that is made of `configuration` tell the watch, which must outlive it.
    func attach(to configuration: OpaquePointer) {
        rd_kafka_conf_interceptor_add_on_new(configuration, Self.name, watchNewClient, Unmanaged.passUnretained(self).toOpaque())
    }

    fileprivate static let name = "mesh-join"
    /// Numbers of the protocol's requests: https://kafka.apache.org/protocol#protocol_api_keys
    fileprivate static let joinGroup: Int16 = 11
    fileprivate static let syncGroup: Int16 = 14

    fileprivate static func of(_ opaque: UnsafeMutableRawPointer?) -> JoinWatch? {
        opaque.map { Unmanaged<JoinWatch>.fromOpaque($0).takeUnretainedValue() }
    }
}

private func watchNewClient(
    client: OpaquePointer?, configuration: OpaquePointer?, opaque: UnsafeMutableRawPointer?, text: UnsafeMutablePointer<CChar>?, size: Int
) -> rd_kafka_resp_err_t {
    rd_kafka_interceptor_add_on_request_sent(client, JoinWatch.name, watchRequest, opaque)
    return rd_kafka_interceptor_add_on_response_received(client, JoinWatch.name, watchResponse, opaque)
}

private func watchRequest(
    client: OpaquePointer?, socket: Int32, broker: UnsafePointer<CChar>?, number: Int32, key: Int16, version: Int16, correlation: Int32,
    size: Int, opaque: UnsafeMutableRawPointer?
) -> rd_kafka_resp_err_t {
    if key == JoinWatch.joinGroup { JoinWatch.of(opaque)?.isJoining.store(true, ordering: .releasing) }
    return RD_KAFKA_RESP_ERR_NO_ERROR
}

private func watchResponse(
    client: OpaquePointer?, socket: Int32, broker: UnsafePointer<CChar>?, number: Int32, key: Int16, version: Int16, correlation: Int32,
    size: Int, roundTrip: Int64, error: rd_kafka_resp_err_t, opaque: UnsafeMutableRawPointer?
) -> rd_kafka_resp_err_t {
    // A join whose connection breaks is begun again by librdkafka, and ends like this too.
    if key == JoinWatch.syncGroup { JoinWatch.of(opaque)?.isJoining.store(false, ordering: .releasing) }
    return RD_KAFKA_RESP_ERR_NO_ERROR
}
