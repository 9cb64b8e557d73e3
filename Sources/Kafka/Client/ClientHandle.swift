import CRdKafka
import Synchronization

/// The one owner of a librdkafka client.
///
/// Sendable although it holds a C pointer: librdkafka's clients may be called from any thread, and `isDestroyed` lets only one free it.
final class ClientHandle: @unchecked Sendable {
    /// Valid until `destroy` has been called.
    let pointer: OpaquePointer
    let context: ClientContext
    private let isDestroyed = Atomic<Bool>(false)
    /// While true, freeing the client would abort the process; it is abandoned instead.
    let mustNotBeFreed = Atomic<Bool>(false)

    init(
        _ type: rd_kafka_type_t, _ settings: ClientSettings, defaults: [String: String], overrides: [String: String], context: ClientContext
    ) throws(SettingsError) {
        var configuration = try Configuration(settings, defaults: defaults, overrides: overrides)
        configuration.attach(context, isConsumer: type == RD_KAFKA_CONSUMER)
        pointer = try configuration.makeClient(type)
        self.context = context
    }

    /// Frees the client. `rd_kafka_destroy` can hang after a lost broker: it runs on a thread of its own, and when `limit` is over that thread
    /// (and the client's memory) is left behind, as is the client where there is no thread to be had. Returns false in these cases.
    @discardableResult
    func destroy(limit: Duration) -> Bool {
        guard let destruction = takeDestruction() else { return true }
        if DedicatedThread.run(name: "kafka-destroy", limit: limit, destruction) { return true }
        leaveContextBehind()
        return false
    }

    /// librdkafka's threads may still call back.
    private func leaveContextBehind() { _ = Unmanaged.passRetained(context) }

    private func takeDestruction() -> (@Sendable () -> Void)? {
        if mustNotBeFreed.load(ordering: .acquiring) { abandon() }
        guard !isDestroyed.exchange(true, ordering: .acquiringAndReleasing) else { return nil }
        nonisolated(unsafe) let pointer = pointer
        let context = context
        return {
            // The consumer was closed before, or is abandoned: no second close, which could wait for ever.
            rd_kafka_destroy_flags(pointer, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE)
            withExtendedLifetime(context) {}
        }
    }

    /// Whether the client was left behind, or is freed already.
    var isAbandoned: Bool { isDestroyed.load(ordering: .acquiring) }

    /// Leaves a client that has locked itself up where it is, with its memory and threads: freeing it would wait for ever, or abort the process.
    func abandon() {
        guard !isDestroyed.exchange(true, ordering: .acquiringAndReleasing) else { return }
        leaveContextBehind()
    }

    deinit {
        // Not closed by its owner: free it without holding this thread up.
        guard let destruction = takeDestruction() else { return }
        if !DedicatedThread.startIfPossible(name: "kafka-destroy", destruction) { leaveContextBehind() }
    }
}
