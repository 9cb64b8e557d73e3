import CRdKafka

/// A reference to one of a client's queues.
///
/// Sendable although it holds a C pointer: librdkafka's queues may be used from any thread, and the reference keeps the queue alive.
final class ClientQueue: @unchecked Sendable {
    let pointer: OpaquePointer

    init(owning pointer: OpaquePointer) { self.pointer = pointer }

    deinit { rd_kafka_queue_destroy(pointer) }

    /// Ends the poll that waits on it, or the next one.
    func wake() { rd_kafka_queue_yield(pointer) }
}
