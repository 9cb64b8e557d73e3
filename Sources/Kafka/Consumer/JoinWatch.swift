import CRdKafka
import Synchronization

/// Knows whether the member is joining its group anew, and lets nothing be sent behind a request to join.
///
/// librdkafka's API does not tell, but its log does: the thread that decides for the group writes there how the state of its join changes, as it changes and before
/// it sends anything. Where partitions were given up that state is steady once more, before the member joins again. What makes it join is an answer of the broker's,
/// which an interceptor sees before that thread does. Whatever else does is a call of the application, which that thread hears in its turn, or costs it its partitions anyway.
final class JoinWatch: Sendable {
    /// Whether a join is under way or due. Not before the first, nor for a consumer without a group.
    private let hasBegun = Atomic<Bool>(false)
    /// Whether another follows once the partitions are assigned that came with a revocation.
    private let isAnotherDue = Atomic<Bool>(false)
    /// An answer has come that may begin a join, and the group's thread may not have seen it yet. While the lock is held no such answer gets to that thread.
    private let isUnheard = Mutex<Bool>(false)

    var isJoining: Bool { hasBegun.load(ordering: .acquiring) }

    /// Does what hands a request to the group's thread, so that the request goes out before any request to join; nil, and it is not done, where a join has begun.
    /// - Parameter hear: waits until the group's thread has done what lay before it. Called once more only where another answer has come meanwhile.
    func unlessJoining<Result>(hear: () -> Void, _ body: () -> Result) -> Result? {
        while !isJoining {
            // What was heard of before the lock was taken has changed the state by now; what comes later is kept back until the request lies before it.
            let result = isUnheard.withLock { isUnheard -> Result?? in
                guard isUnheard else { return .some(isJoining ? nil : body()) }
                isUnheard = false
                return nil
            }
            if let result { return result }
            hear()
        }
        return nil
    }

    /// A request of this number was answered, or its connection broke. What an answer says is not told here: each of these may say that the group begins anew, or
    /// that a topic has other partitions.
    func answered(_ request: Int16) {
        guard request == Self.metadata || request == Self.heartbeat || request == Self.syncGroup else { return }
        isUnheard.withLock { $0 = true }
    }

    /// The state of the join has changed, as librdkafka's log says it: `Group "g" changed join state steady -> init (state up)`.
    func changed(_ message: String) {
        let words = Array(message.split(separator: " ").suffix(5))
        guard words.count == 5, words[1] == "->" else { return }
        let (old, new) = (words[0], words[2])
        switch new {
        case "steady": hasBegun.store(isAnotherDue.load(ordering: .relaxed), ordering: .releasing)
        // Until the application has answered, the old generation counts, or the new one does already.
        case "wait-assign-call", "wait-unassign-call":
            isAnotherDue.store(old == "wait-incr-unassign-to-complete", ordering: .relaxed)
            hasBegun.store(false, ordering: .releasing)
        default: hasBegun.store(true, ordering: .releasing)
        }
    }

    /// By what name librdkafka's log calls such a message.
    static let facility = "CGRPJOINSTATE"

    /// Makes librdkafka write the group's messages, beside what `settings` ask for.
    static func properties(_ settings: ClientSettings) -> [String: String] {
        ["debug": settings.asksForDebug ? "\(settings["debug"] ?? ""),cgrp" : "cgrp", "log.queue": "false"]
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
