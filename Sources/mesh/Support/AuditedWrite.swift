import Kafka

/// Writes what a person's command does. The audit comes first: what it does not take is not done, so that nothing happens of which it knows nothing.
enum AuditedWrite {
    private static let patience: Duration = .seconds(15)

    /// Waits until the broker has all of it, and gives where it has put `records`. A `CommandFailure` tells which part was written.
    static func send(_ records: [OutgoingRecord], audit: [OutgoingRecord], _ producer: Producer) throws -> [Delivery] {
        do throws(KafkaError) {
            if !audit.isEmpty { _ = try producer.sendAndWait(audit, timeout: patience) }
        } catch {
            // That nobody answers is explained elsewhere.
            if error.isBrokersDown || error.isTimeout { throw error }
            throw CommandFailure("nothing was done: the audit does not take it: \(error)")
        }
        do throws(KafkaError) {
            return try producer.sendAndWait(records, timeout: patience)
        } catch {
            if audit.isEmpty { throw error }
            let isOpen = error.isBrokersDown || error.isTimeout || records.count > 1
            throw CommandFailure(
                "the audit has it, but \(isOpen ? "whether all of it was done is not known; look before you repeat it" : "it was not done"): \(error)"
            )
        }
    }
}
