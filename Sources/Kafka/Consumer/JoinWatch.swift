import CRdKafka
import Glibc
import Synchronization

/// Knows whether the member is joining its group anew, and lets nothing be sent behind a request to join.
///
/// librdkafka's API does not tell, but its log does: the thread that decides for the group writes there how the state of its join changes, as it changes and before
/// it sends anything. What makes it change is an answer of the broker's, which an interceptor sees before that thread does. The rest comes from calls of the
/// application, which that thread hears in their turn, or passes through other states first.
final class JoinWatch: Sendable {
    /// Whether no join is under way or due. So it is before the first, and for a consumer without a group.
    private let isSteady = Atomic<Bool>(true)
    private let isInCallback = Atomic<Bool>(false)
    /// An answer has come that may begin a join, and the group's thread may not have seen it yet. While the lock is held no such answer gets to that thread.
    private let isUnheard = Mutex<Bool>(false)

    var isJoining: Bool { !isSteady.load(ordering: .acquiring) && !isInCallback.load(ordering: .acquiring) }

    /// Does what hands a request to the group's thread, so that the request goes out before any request to join; nil, and it is not done, where a join has begun.
    /// - Parameter hear: waits until the group's thread has done what lay before it.
    func unlessJoining<Result>(hear: () -> Void, _ body: () -> Result) -> Result? {
        while !isJoining {
            // What was heard of before the lock was taken has changed the state by now; what comes later is kept back until the request lies before it.
            let result = isUnheard.withLock { isUnheard -> Result?? in
                // No join begins before a callback has returned.
                if isInCallback.load(ordering: .acquiring) { return .some(body()) }
                if isUnheard {
                    isUnheard = false
                    return nil
                }
                return .some(isJoining ? nil : body())
            }
            if let result { return result }
            hear()
        }
        return nil
    }

    /// Runs a rebalance callback. No join begins before it has returned.
    func callback(_ body: () -> Void) {
        isInCallback.store(true, ordering: .releasing)
        body()
        isInCallback.store(false, ordering: .releasing)
    }

    /// A request of this number was answered, or its connection broke. What an answer says is not told here: each of these may say that the group begins anew, or
    /// that a topic has other partitions.
    func answered(_ request: Int16) {
        guard request == Self.metadata || request == Self.heartbeat || request == Self.syncGroup else { return }
        isUnheard.withLock { $0 = true }
    }

    /// The state of the join has changed, as librdkafka's log says it: `Group "g" changed join state steady -> init (state up)`.
    func changed(_ message: UnsafePointer<CChar>) {
        guard let arrow = strrchr(message, Int32(UInt8(ascii: ">"))) else { return }
        isSteady.store(strncmp(arrow, "> steady ", 9) == 0, ordering: .releasing)
    }

    /// By what name librdkafka's log calls such a message.
    static let facility = "CGRPJOINSTATE"

    /// Makes librdkafka write the group's messages, beside what `settings` ask for.
    static func properties(_ settings: ClientSettings) -> [String: String] {
        ["debug": settings["debug"].map { "\($0),cgrp" } ?? "cgrp", "log.queue": "false"]
    }

    /// Lets a client that is made of `configuration` tell the watch, which must outlive it.
    func attach(to configuration: OpaquePointer) {
        rd_kafka_conf_interceptor_add_on_new(configuration, Self.name, watchNewClient, Unmanaged.passUnretained(self).toOpaque())
    }

    fileprivate static let name = "mesh-join"
    /// Numbers of the protocol's requests: https://kafka.apache.org/protocol#protocol_api_keys
    static let (metadata, heartbeat, syncGroup): (Int16, Int16, Int16) = (3, 12, 14)
}

private func watchNewClient(
    client: OpaquePointer?, configuration: OpaquePointer?, opaque: UnsafeMutableRawPointer?, text: UnsafeMutablePointer<CChar>?, size: Int
) -> rd_kafka_resp_err_t {
    rd_kafka_interceptor_add_on_response_received(client, JoinWatch.name, watchResponse, opaque)
}

private func watchResponse(
    client: OpaquePointer?, socket: Int32, broker: UnsafePointer<CChar>?, number: Int32, key: Int16, version: Int16, correlation: Int32,
    size: Int, roundTrip: Int64, error: rd_kafka_resp_err_t, opaque: UnsafeMutableRawPointer?
) -> rd_kafka_resp_err_t {
    if let opaque { Unmanaged<JoinWatch>.fromOpaque(opaque).takeUnretainedValue().answered(key) }
    return RD_KAFKA_RESP_ERR_NO_ERROR
}
