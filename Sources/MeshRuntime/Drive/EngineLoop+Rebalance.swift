import Envelopes
import Kafka
import Telemetry

/// What happens when partitions come and go. Called inside the consumer's `poll` and `close`, on the engine's thread.
extension EngineLoop: RebalanceDelegate {
    func assigning(_ partitions: [TopicPartition], to consumer: Consumer) {
        logger.info("given \(partitions.count) partitions", named(partitions))
        engine.assigned(partitions)
        perform()
    }

    /// Settles what is decided for at most the limit, then gives the partitions up.
    func revoking(_ partitions: [TopicPartition], from consumer: Consumer) {
        let limit = Moment.current.uptime + options.settings.limits.revocation
        ahead.forget(partitions)
        engine.leaving(partitions)
        advanceLeaving()
        while !engine.isQuiet(partitions), !engine.hasFinished, Moment.current.uptime < limit {
            takeAnsweredCommits(consumer)
            if case .element(let message) = mailbox.take(limit: .milliseconds(20)) { take(message) }
            advanceLeaving()
        }
        // At its end a drain has said it.
        if !engine.hasFinished {
            engine.tellWhatIsUnfinished(of: partitions, after: "\(options.settings.limits.revocation) ms and more have gone by,")
        }
        engine.revoked(partitions, at: .current)
        gaveUp(partitions)
        perform()
        logger.info("gave \(partitions.count) partitions up", named(partitions))
    }

    /// A log that was seen to be cut is gone on with here first: its next owner could not know.
    private func advanceLeaving() {
        restoreWhatWasCut(at: .current)
        engine.advance(at: .current)
        perform()
    }

    func lost(_ partitions: [TopicPartition], from consumer: Consumer) {
        ahead.forget(partitions)
        logger.warn(
            "lost \(partitions.count) partitions, as after a silence longer than the session: their next owner handles again what was not settled",
            named(partitions))
        engine.revoked(partitions, at: .current)
        gaveUp(partitions)
        perform()
    }

    private func named(_ partitions: [TopicPartition]) -> KeyValuePairs<String, JSONValue> {
        ["partitions": .string(partitions.map(\.description).joined(separator: " "))]
    }

    private func gaveUp(_ partitions: [TopicPartition]) {
        book.gave(up: partitions)
        newEnds.subtract(partitions)
        restorer.own(engine.partitions.keys)
    }
}
