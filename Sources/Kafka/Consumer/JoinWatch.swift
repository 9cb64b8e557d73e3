import CRdKafka
import Glibc
import Synchronization

/// Knows whether the member is joining its group anew: from the sending of a JoinGroup request to the answer to the SyncGroup request after it; and whether that
/// may have begun unseen.
///
/// librdkafka's API does not tell that; its interceptors see each request go out and each answer come in, on its own threads. Between what makes it join and the
/// request going out lies the way from one of these threads to the group's, which decides, and from that to the coordinator's, which sends.
final class JoinWatch: Sendable {
    private let joining = Atomic<Bool>(false)
    /// When a JoinGroup request went out last. These two are milliseconds of the monotonic clock.
    private let lastJoin = Atomic<Int64>(.min / 2)
    /// Until when another may be on its way.
    private let suspectedUntil = Atomic<Int64>(0)
    /// What may lead to one has happened, and the group's thread may not have seen it yet.
    private let isUnheard = Atomic<Bool>(false)
    private let isInCallback = Atomic<Bool>(false)
    private let uptime: @Sendable () -> Int64

    /// - Parameter uptime: the monotonic clock, in milliseconds.
    init(uptime: @escaping @Sendable () -> Int64 = { JoinWatch.monotonicMilliseconds }) { self.uptime = uptime }

    /// In milliseconds: how long the way from the group's thread to the coordinator's takes at most, except on a very busy machine; and how long after a JoinGroup request
    /// librdkafka 2.0.2 waits before most others (`rkcg_join_intvl`), which then come with nothing before them that could be seen.
    private static let (way, interval): (Int64, Int64) = (20, 1_000)

    /// Whether a join is under way, or one that was put off may begin at any moment.
    var isJoining: Bool {
        joining.load(ordering: .acquiring) || mayBegin(until: lastJoin.load(ordering: .acquiring) + Self.interval + Self.way)
    }

    /// Whether one may have begun that nobody has seen yet. On one thread.
    /// - Parameter hear: waits until the group's thread has done what lay before it. What it has sent then is on its way to the coordinator's thread.
    func mayBeJoining(_ hear: () -> Void) -> Bool {
        if !isInCallback.load(ordering: .acquiring), isUnheard.exchange(false, ordering: .acquiringAndReleasing) {
            hear()
            extendSuspicion()
        }
        return mayBegin(until: suspectedUntil.load(ordering: .acquiring))
    }

    private func mayBegin(until end: Int64) -> Bool { !isInCallback.load(ordering: .acquiring) && uptime() < end }

    /// What leads to a join has happened just now, or may have.
    private func suspect() {
        extendSuspicion()
        isUnheard.store(true, ordering: .releasing)
    }

    private func extendSuspicion() { suspectedUntil.store(uptime() + Self.way, ordering: .releasing) }

    /// Runs a rebalance callback. No join begins before it has returned; then one may, where partitions were given up for others.
    func callback(_ body: () -> Void) {
        isInCallback.store(true, ordering: .releasing)
        body()
        suspect()
        isInCallback.store(false, ordering: .releasing)
    }

    /// A request of this number went out.
    func sent(_ request: Int16) {
        guard request == Self.joinGroup else { return }
        joining.store(true, ordering: .releasing)
        lastJoin.store(uptime(), ordering: .releasing)
    }

    /// A request of this number was answered, or its connection broke. What an answer says is not told here: each of these may say that the group begins anew, or
    /// that a topic has other partitions.
    func answered(_ request: Int16) {
        switch request {
        case Self.metadata, Self.heartbeat: suspect()
        case Self.syncGroup:
            suspect()
            // A join whose connection breaks is begun again by librdkafka, and ends like this too.
            joining.store(false, ordering: .releasing)
        default: break
        }
    }

    private static var monotonicMilliseconds: Int64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Int64(time.tv_sec) * 1_000 + Int64(time.tv_nsec) / 1_000_000
    }

    /// Lets a client that is made of `configuration` tell the watch, which must outlive it.
    func attach(to configuration: OpaquePointer) {
        rd_kafka_conf_interceptor_add_on_new(configuration, Self.name, watchNewClient, Unmanaged.passUnretained(self).toOpaque())
    }

    fileprivate static let name = "mesh-join"
    /// Numbers of the protocol's requests: https://kafka.apache.org/protocol#protocol_api_keys
    static let (metadata, joinGroup, heartbeat, syncGroup): (Int16, Int16, Int16, Int16) = (3, 11, 12, 14)

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
    JoinWatch.of(opaque)?.sent(key)
    return RD_KAFKA_RESP_ERR_NO_ERROR
}

private func watchResponse(
    client: OpaquePointer?, socket: Int32, broker: UnsafePointer<CChar>?, number: Int32, key: Int16, version: Int16, correlation: Int32,
    size: Int, roundTrip: Int64, error: rd_kafka_resp_err_t, opaque: UnsafeMutableRawPointer?
) -> rd_kafka_resp_err_t {
    JoinWatch.of(opaque)?.answered(key)
    return RD_KAFKA_RESP_ERR_NO_ERROR
}
