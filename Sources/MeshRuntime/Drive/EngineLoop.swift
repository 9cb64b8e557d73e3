import BotKit
import Envelopes
import Glibc
import Kafka
import Telemetry

/// The engine's thread: polls the one consumer, hands what it brings to the engine, and does what the engine asks for. Polling never stops.
final class EngineLoop {
    let engine: Engine
    let options: ProcessOptions
    let mailbox: Mailbox
    let side: SideProducer
    let counts: [String: Int32]
    let settler: Settler
    let restorer: Restorer
    let calls: CallRunner
    let reporter: Reporter
    let ahead: DecodeAhead
    private let inputs: [String]
    var consumer: Consumer?
    var audit: AuditTrail
    var outputs: OutputWriter
    var book = PartitionBook()
    var watch = FetchWatch()
    var cuts = CutWatch()
    /// Their ends were reached, and the engine does not know it yet.
    var newEnds: Set<TopicPartition> = []
    /// Partitions are to be looked at whose fetching may have stopped; once a second.
    var shallAskAgain = false
    var (endsAsked, endsHeard): (Int64, Int64) = (0, 0)
    private var control: [String: ControlRecord] = [:]
    var hasFinished = false
    private var failure: String?
    var logger: Logger { options.logger }

    init(
        engine: Engine, options: ProcessOptions, inputs: [String], counts: [String: Int32], snapshots: Snapshots.Place?, mailbox: Mailbox,
        side: SideProducer
    ) throws {
        self.engine = engine
        self.options = options
        self.inputs = inputs
        self.counts = counts
        self.mailbox = mailbox
        self.side = side
        let settings = options.settings
        let host = Host.name
        audit = AuditTrail(
            instance: settings.instance, host: host, pid: getpid(), startedAt: .now,
            before: AuditTailReader(client: options.client, actor: settings.instance, logger: options.logger))
        let metrics = Metrics()
        outputs = OutputWriter(options.configuration, metrics: metrics, logger: options.logger)
        restorer = Restorer(
            client: options.client, settings: settings, bot: engine.bot, decoder: engine.decoder, place: snapshots, mailbox: mailbox,
            logger: options.logger)
        reporter = try Reporter(options: options, metrics: metrics, side: side, restorer: restorer, host: host)
        // A bot's domain is that of what it produces first; only domains that have a log topic publish their lines.
        let domain = engine.contract.produces.first.map { String($0.domain) } ?? ""
        let lines =
            counts[StepLog.type(domain: domain).name] == nil
            ? nil : StepLines(bot: settings.bot, instance: settings.instance, domain: domain, producer: side)
        calls = CallRunner(
            performers: options.performers, mailbox: mailbox, lines: lines,
            recorded: RecordedCalls(client: options.client, bot: settings.bot, logger: options.logger))
        ahead = DecodeAhead(engine.decoder, mailbox: mailbox)
        settler = Settler(client: options.client, settings: settings, mailbox: mailbox, logger: options.logger)
    }

    /// Until the engine has finished.
    func run() throws {
        guard waitForControl() else { return end() }
        let group = GroupSettings(
            id: options.settings.group, instanceID: options.groupInstanceID, maximumPollInterval: options.maximumPollInterval,
            offsetReset: .earliest, reportsPartitionEnd: true)
        let consumer = try Consumer(options.client, group: group, events: self, observer: .logging(logger))
        self.consumer = consumer
        let wake = consumer.waker
        mailbox.setListener { wake() }
        reconcile(at: .current)
        try consumer.subscribe(to: inputs)
        reporter.introduce(engine.contract)
        var lastAdvance: Int64 = 0
        var hasNews = false
        while !hasFinished, failure == nil {
            hasNews = takeMail(limit: .zero) || hasNews
            let moment = Moment.current
            // Without news only the clock can ask for something: ten looks a second are enough for it. Before the waiting: what is waited for may have to be
            // asked for first.
            if hasNews || engine.isBusy || moment.uptime - lastAdvance >= 100 {
                lastAdvance = moment.uptime
                engine.advance(at: moment)
                perform()
                if hasFinished { break }
            }
            let waits = ahead.isFull || shallAskAgain && !ahead.isIdle || engine.holdsBack(at: moment)
            // There is no room for more records, or enough of them are on their way; that will soon be otherwise.
            hasNews = waits ? takeMail(limit: engine.isHurried ? .zero : .milliseconds(10)) : poll(consumer)
            tellNewEnds()
            report(consumer)
            // What is on its way would be read a second time: it is waited for.
            if shallAskAgain, ahead.isIdle { askAgain(consumer) }
            takeAnsweredCommits(consumer)
            if let error = consumer.fatalError { failure = "the consumer cannot go on: \(error)" }
        }
        ahead.close(limit: rest(of: .seconds(5)))
        consumer.close(timeout: rest(of: .seconds(5)))
        end()
        if let failure { throw ProcessFailure("\(options.settings.instance): \(failure)") }
    }

    /// Reads `mesh.control` before the first record: a bot that shall be drained or paused does not begin. False when it ends here.
    private func waitForControl() -> Bool {
        let start = Moment.current.uptime
        while Moment.current.uptime - start < 10_000 {
            guard case .element(let message) = mailbox.take(limit: .milliseconds(200)) else { continue }
            switch message {
            case .control:
                take(message)
                return desiredState != .drained || sayDrained()
            case .terminate: return false
            default: take(message)
            }
        }
        logger.warn("mesh.control could not be read within 10 s; starting as configured")
        return true
    }

    private func sayDrained() -> Bool {
        logger.info("mesh.control wants \(options.settings.instance) drained: nothing is begun. To start it: mesh resume")
        return false
    }

    /// What a drain's limit leaves of the time for something, at least a tenth of a second. `more`: what is needed after it, in milliseconds.
    func rest(of limit: Duration, leaving more: Int64 = 0) -> Duration {
        guard let draining = engine.draining else { return limit }
        return min(limit, .milliseconds(max(100, draining.end - more - Moment.current.uptime)))
    }

    private func end() {
        reporter.say(.stopped, engine: engine, partitions: [], openCalls: 0, at: .current)
        settler.close()
        restorer.close()
        calls.cancelAll()
        side.close(limit: rest(of: .seconds(3)))
        reporter.stop()
    }

    // MARK: inputs

    /// Whether it brought records.
    private func poll(_ consumer: Consumer) -> Bool {
        // A record, mail or the clock wakes us.
        let limit: Duration = !mailbox.isEmpty || engine.isHurried ? .zero : engine.isBusy ? .milliseconds(5) : .milliseconds(100)
        var timeout = limit
        // One in each round also without room, when the partitions are paused: a consumer that does not poll is put out of its group.
        let takesOne = engine.isFull
        var before = -1
        while !ahead.isFilled, ahead.filling.count > before, !takesOne || ahead.filling.count == 0 {
            before = ahead.filling.count
            switch consumer.poll(timeout: timeout, into: ahead.filling) {
            case .error(let error):
                if error.isFatal { failure = "the consumer cannot go on: \(error)" } else { logger.warn("consumer: \(error)") }
            case .partitionEnd(let partition, let offset): note(endOf: partition, offset)
            case .record, nil: break
            }
            timeout = .zero
        }
        let hasRecords = ahead.filling.count > 0
        // Mail ends the wait for records early, and then says nothing of them.
        engine.inputsPause = !hasRecords && ahead.isIdle && limit > .zero && mailbox.isEmpty
        takeIn(ahead.decode(freeing: engine.takeFinished()))
        return hasRecords
    }

    private func note(endOf partition: TopicPartition, _ offset: Int64) {
        guard engine.partitions[partition] != nil else { return }
        book.reachedEnd(of: partition, at: offset)
        newEnds.insert(partition)
    }

    /// What was polled before an end was told has to be taken in first.
    private func tellNewEnds() {
        guard !newEnds.isEmpty, ahead.isIdle else { return }
        for partition in newEnds {
            guard let owned = engine.partitions[partition] else {
                newEnds.remove(partition)
                continue
            }
            guard owned.isRestored else { continue }
            if let end = book[partition].end { owned.reachedEnd(at: end) }
            newEnds.remove(partition)
        }
    }

    private func takeIn(_ incoming: [Incoming]) {
        guard !incoming.isEmpty else { return }
        var moment = Moment.current
        engine.beginTurn(at: moment)
        for (place, one) in incoming.enumerated() {
            // Asking for the time costs as much as a field: where nothing is handled here, it is asked for now and then.
            if place % 16 == 15 || one.readable?.decision == nil { moment = .current }
            engine.take(one, at: moment)
            if !engine.actions.isEmpty { perform() }
        }
    }

    /// One message, so that between any two the decoding thread is given more. Whether there was any within the limit.
    private func takeMail(limit: Duration) -> Bool {
        guard case .element(let message) = mailbox.take(limit: limit) else { return false }
        take(message)
        return true
    }

    func take(_ message: Message) {
        let moment = Moment.current
        switch message {
        case .decoded(let batch): takeIn(ahead.take(batch))
        case .callFinished(let reference, let outcome):
            calls.ended(reference)
            engine.callFinished(reference, outcome, at: moment)
        case .settled(let batch, let outcome):
            let isEnough = tellWatcher(batch, outcome)
            let isCommitted = if case .committed = outcome { true } else { false }
            book.answered(batch, isCommitted: isCommitted)
            engine.settled(batch, outcome, at: moment)
            if isEnough { engine.drain(at: moment) }
        case .restored(let restorations):
            engine.beginTurn(at: moment)
            for restoration in restorations where engine.awaits(restoration) && isPutBack(restoration) {
                book.began(
                    restoration.topicPartition, committed: restoration.committed?.offset, isPutElsewhere: restoration.putTo != nil)
                engine.restored(restoration, at: moment)
            }
        case .cancel(let run, let reason): engine.cancelRun(run, reason, at: moment)
        case .control(let wishes):
            control = wishes
            reconcile(at: moment)
        case .terminate: engine.drain(at: moment)
        case .fatal(let reason): failure = reason
        }
        perform()
    }

    /// Has the consumer go on where the log of a partition goes on that was cut. False when that cannot be now: the partition is restored once more.
    private func isPutBack(_ restoration: Restoration) -> Bool {
        let partition = restoration.topicPartition
        // Who gives it up reads no more of it.
        guard let place = restoration.putTo, let consumer, engine.partitions[partition]?.isLeaving == false else { return true }
        ahead.forget([partition])
        do throws(KafkaError) {
            try consumer.seek([partition: place], timeout: .seconds(1))
            return true
        } catch {
            logger.warn("\(partition) cannot be read from \(place) on yet, it is tried again: \(error)")
            perform(.restore([partition], assignment: restoration.assignment, cut: restoration.cut))
            return false
        }
    }

    /// Whether whoever watches has seen enough.
    private func tellWatcher(_ batch: UInt64, _ outcome: SettleOutcome) -> Bool {
        guard let watcher = options.watcher, case .committed = outcome, let current = engine.inFlight, current.batch == batch else {
            return false
        }
        let records = current.items.compactMap { item -> SettledRecord? in
            guard let timestamp = item.job?.record.timestamp ?? item.source?.record.timestamp, let takenIn = item.takenIn,
                item.offset != nil, !item.isLost
            else { return nil }
            let isDone: Bool = if case .done = item.result { true } else { false }
            return SettledRecord(timestamp: timestamp.milliseconds, takenIn: takenIn, isDone: isDone)
        }
        return !records.isEmpty && watcher(records)
    }

    // MARK: mesh.control

    private var ownWish: ControlRecord? { control[ControlRecord.key(bot: options.settings.bot, replica: options.settings.replica)] }
    private var botWish: ControlRecord? { control[options.settings.bot] }
    private var desiredState: ControlRecord.State { ownWish?.state ?? botWish?.state ?? .running }

    private func reconcile(at moment: Moment) {
        if let level = ownWish?.logLevel ?? botWish?.logLevel {
            if let known = Logger.Level(rawValue: level) {
                logger.level = known
            } else {
                logger.warn("mesh.control: no log level '\(level)'")
            }
        } else {
            logger.level = Logger.Level(rawValue: options.configuration.monitoring.logLevel.rawValue) ?? .info
        }
        guard consumer != nil else { return }
        switch desiredState {
        case .running: engine.setPaused(false)
        case .paused: engine.setPaused(true)
        case .drained: engine.drain(at: moment)
        }
    }
}
