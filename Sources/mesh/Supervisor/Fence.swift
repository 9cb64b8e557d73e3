import Kafka

/// Ends the transaction that a slot has left open, so that nobody who reads only what is committed waits for its time limit, and nothing of a process that
/// might still be there can be committed any more.
enum Fence {
    /// The transactional id of an instance, as the bots' runtime has it.
    static func transactionalID(of instance: Instance) -> String { "mesh-\(instance)" }

    /// Takes the slot's transactional id over. Blocks.
    static func close(_ instance: Instance, _ settings: ClientSettings) throws {
        let producer = try Producer(settings, ProducerSettings(transactionalID: transactionalID(of: instance)), observer: .quiet)
        defer { producer.close(timeout: .seconds(2)) }
        try producer.initTransactions(timeout: .seconds(10))
    }
}
