import Kafka
import Telemetry

/// What is looked at once a second: the process's figures, the ends of its partitions, and whether they are still fetched.
extension EngineLoop {
    func report(_ consumer: Consumer) {
        let moment = Moment.current
        guard reporter.isDue(at: moment) else { return }
        side.tend(logger)
        askForEnds(consumer, at: moment)
        restoreWhatWasCut(at: moment)
        reporter.report(engine: engine, partitions: seen(consumer), openCalls: calls.count, at: moment)
        shallAskAgain = true
    }

    /// Twice in the time after which a partition that brings nothing is looked at.
    private func askForEnds(_ consumer: Consumer, at moment: Moment) {
        if let ends = consumer.answeredEnds() {
            endsHeard = moment.uptime
            book.heard(ends)
            cuts.heard(ends)
        } else if moment.uptime - endsHeard > 2 * options.settings.limits.silence {
            book.heardNothing()
        }
        guard moment.uptime - endsAsked >= options.settings.limits.silence / 2 else { return }
        endsAsked = moment.uptime
        cuts.asks(engine.cutLooks)
        consumer.askEnds(of: engine.partitions.keys)
    }

    /// Partitions whose logs were cut while they were read: what was read of them is not what they have now.
    func restoreWhatWasCut(at moment: Moment) {
        for look in engine.cutLooks {
            guard let cut = cuts.cut(look), engine.restoreAnew(look.partition, cut, at: moment) else { continue }
            ahead.forget([look.partition])
            logger.error(
                "\(look.partition) \(RuntimeSettings.wasCut): it was read up to \(cut.read), and has ended at \(cut.end) since, or below that. What is under way of it is given up, and it is restored",
                ["partition": .string(look.partition.description)])
            perform()
        }
    }

    private func seen(_ consumer: Consumer) -> [Reporter.Seen] {
        engine.partitions.values.map { partition in
            (partition, book[partition.topicPartition], consumer.cachedWatermarks(of: partition.topicPartition))
        }
    }

    /// Asks again for partitions whose fetching has stopped by itself.
    func askAgain(_ consumer: Consumer) {
        shallAskAgain = false
        let moment = Moment.current
        let looks = seen(consumer).map { partition, entry, marks in
            FetchWatch.Look(
                partition: partition.topicPartition, next: partition.ledger.nextRead, high: marks?.high, end: entry.end,
                stable: entry.stable,
                isWanted: partition.isRestored && !partition.isPaused && !engine.isFull)
        }
        for look in watch.silent(looks, limit: options.settings.limits.silence, at: moment.uptime) {
            logger.warn(
                "\(look.partition): nothing comes although there is more; asked for again from \(look.next.map { "offset \($0)" } ?? "its start")",
                ["partition": .string(look.partition.description)])
            do throws(KafkaError) {
                try consumer.fetchAnew(look.partition, from: look.next.map { .at($0) }, timeout: .seconds(1))
            } catch {
                logger.info("\(look.partition) could not be asked for again yet: \(error)")
            }
        }
    }
}
