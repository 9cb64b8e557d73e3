import Kafka
import Telemetry

/// What the engine asks for.
extension EngineLoop {
    func perform() {
        while !engine.actions.isEmpty { for action in engine.takeActions() { perform(action) } }
    }

    func perform(_ action: Action) {
        switch action {
        case .pause(let partitions): flow("pause") { (consumer) throws(KafkaError) in try consumer.pause(partitions) }
        case .resume(let partitions): flow("resume") { (consumer) throws(KafkaError) in try consumer.resume(partitions) }
        case .restore(let partitions, let assignment, let cut):
            restorer.submit(
                Restorer.Request(
                    partitions: partitions, assignment: assignment, statePartitions: counts[options.settings.topics.state], cut: cut))
        case .settle(let batch):
            book.asks(batch.id, batch.offsets)
            do throws(KafkaError) {
                settler.submit(batch, group: batch.offsets.isEmpty ? nil : try memberOfGroup())
            } catch {
                book.answered(batch.id, isCommitted: false)
                engine.settled(batch.id, .failure(SettleFailure(error: error)), at: .current)
            }
        case .commit(let offsets, let isLast): commit(offsets, isLast: isLast)
        case .startCall(let call): calls.start(call)
        case .cancelCall(let reference): calls.cancel(reference)
        case .log(let entry): write(entry)
        case .audit(let entry):
            do {
                try audit.write(entry, at: .now) { side.send($0) }
            } catch {
                logger.error("an audit record cannot be written: \(error)")
            }
        case .produced(let event): outputs.write(event, bot: options.settings.bot)
        case .finished: hasFinished = true
        }
    }

    func takeAnsweredCommits(_ consumer: Consumer) {
        for (offsets, error) in consumer.answeredCommits() { commitAnswered(offsets, error) }
    }

    private func commitAnswered(_ offsets: [TopicPartition: CommittedOffset], _ error: KafkaError?) {
        if error == nil { book.committed(offsets) }
        engine.commitAnswered(offsets.keys, error, at: .current)
    }

    private func commit(_ offsets: [TopicPartition: CommittedOffset], isLast: Bool) {
        guard let consumer else { return engine.commitWaits(offsets.keys, at: .current) }
        do throws(KafkaError) {
            if isLast {
                // A refused one is repeated as long as there is time.
                try consumer.commit(offsets, timeout: rest(of: .milliseconds(options.settings.limits.revocation), leaving: 1_000))
                commitAnswered(offsets, nil)
            } else {
                try consumer.commitInBackground(offsets)
            }
        } catch {
            guard !error.isJoining else { return engine.commitWaits(offsets.keys, at: .current) }
            // One that was not answered in time is under way still.
            if !consumer.isCommitting { commitAnswered(offsets, error) }
        }
    }

    private func flow(_ what: String, _ body: (Consumer) throws(KafkaError) -> Void) {
        guard let consumer else { return }
        do throws(KafkaError) {
            try body(consumer)
        } catch {
            // A partition that was lost a moment ago: its revocation follows.
            logger.debug("\(what): \(error)")
        }
    }

    private func write(_ entry: LogEntry) {
        let level: Logger.Level =
            switch entry.level {
            case .debug: .debug
            case .info: .info
            case .warn: .warn
            case .error: .error
            }
        logger.log(level, entry.message, entry.fields.map { ($0.0, .string($0.1)) }, correlationID: entry.correlationID)
    }

    /// Who this process is in its group. Throws where it is nobody at this moment: it was put out, and is about to be told that its partitions are lost.
    private func memberOfGroup() throws(KafkaError) -> GroupMetadata? {
        guard let metadata = try consumer?.groupMetadata() else { return nil }
        guard metadata.isMember else {
            throw KafkaError(
                code: 25, name: "UNKNOWN_MEMBER_ID", message: "this process is no member of its group any more", isRetriable: true)
        }
        return metadata
    }
}
