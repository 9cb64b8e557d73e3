import Kafka

/// Writes what a person's command does. The audit comes first: what it does not take is not done, so that nothing happens of which it knows nothing.
enum AuditedWrite {
    private static let patience: Duration = .seconds(15)

    /// Waits until the broker has all of it, and gives where it has put `records`. A `CommandFailure` tells which part was written. Where the broker refuses
    /// `records` for good, `refusal` makes what the audit says of that: a code tells why.
    static func send(
        _ records: [OutgoingRecord], audit: [OutgoingRecord], _ producer: Producer, refusal: (String) throws -> [OutgoingRecord]
    ) throws -> [Delivery] {
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
            let isAll = records.count == 1 || error.isAuthorizationFailure
            guard isAll, !error.isBrokersDown, !error.isTimeout else {
                throw CommandFailure("the audit has it, but whether all of it was done is not known; look before you repeat it: \(error)")
            }
            do throws(any Error) {
                _ = try producer.sendAndWait(try refusal(error.auditCode), timeout: patience)
            } catch let second {
                throw CommandFailure("it was not done: \(error)\nThe audit has it, and could not be told of the refusal: \(second)")
            }
            throw CommandFailure("it was not done, as the audit says too: \(error)")
        }
    }
}

extension KafkaError {
    /// Nobody may do that, whatever the record.
    fileprivate var isAuthorizationFailure: Bool { name.hasSuffix("_AUTHORIZATION_FAILED") }

    /// Its name as the audit writes codes: `topic-authorization-failed`.
    var auditCode: String { name.lowercased().drop { $0 == "_" }.split(separator: "_").joined(separator: "-") }
}
