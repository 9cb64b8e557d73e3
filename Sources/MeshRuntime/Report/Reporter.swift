import BotKit
import Envelopes
import Glibc
import Kafka
import Telemetry

/// What the process tells of itself: the health server, metrics, the record on `mesh.instances`. Confined to the engine's thread; the server's thread
/// reads a copy.
final class Reporter {
    private let options: ProcessOptions
    private let side: SideProducer
    private let restorer: Restorer
    private let host: String
    private let figures: ProcessMetrics
    private let server: HealthServer?
    private let health = HealthState()
    private let startedAt = Timestamp.now
    private var liveness = Liveness()
    private var lastLook: Int64 = 0
    private var lastBeat: Int64 = .min / 2
    private var lastSent: InstanceRecord?

    /// How often figures are looked at, in milliseconds.
    private static let interval: Int64 = 1_000

    init(options: ProcessOptions, metrics: Metrics, side: SideProducer, restorer: Restorer, host: String) throws {
        self.options = options
        self.side = side
        self.restorer = restorer
        self.host = host
        let settings = options.settings
        figures = ProcessMetrics(
            bot: settings.bot, instance: settings.instance, version: options.configuration.version, delivery: settings.delivery,
            metrics: metrics)
        let health = health
        let monitoring = options.configuration.monitoring
        var routes: [String: HealthServer.Handler] = ["/ready": { health.readyResponse }]
        if monitoring.healthCheckEnabled {
            routes["/health"] = { health.healthResponse }
            routes[monitoring.healthCheckEndpoint] = { health.healthResponse }
        }
        if monitoring.metricsEnabled { routes["/metrics"] = { .metrics(metrics) } }
        if let port = options.healthPort {
            let server = try HealthServer(host: options.healthHost, port: port, routes: routes)
            self.server = server
            let host = options.healthHost.contains(":") ? "[\(options.healthHost)]" : options.healthHost
            options.logger.info("health, readiness and metrics on http://\(host):\(server.port)", ["port": .integer(Int64(server.port))])
        } else {
            server = nil
        }
    }

    func stop() { server?.stop() }

    func isDue(at moment: Moment) -> Bool { moment.uptime - lastLook >= Self.interval }

    /// Tells what the bot can do, once at the start.
    func introduce(_ contract: Contract) {
        let payload = BotCapabilities(
            bot: contract.name, version: options.configuration.version, consumes: contract.consumes.map(\.name),
            produces: contract.produces.map(\.name), calls: contract.calls.map(\.name), steps: contract.steps)
        do {
            let id = EventID(UUIDv5.derive([options.settings.instance, host, String(getpid()), startedAt.text, "capabilities"]))
            let envelope = Envelope(
                id: id, timestamp: startedAt, source: contract.name, type: BotCapabilities.type, version: BotCapabilities.version,
                payload: try payload.jsonBytes(), priority: .low)
            let encoded = EnvelopeCodec().encode(envelope)
            side.send(
                OutgoingRecord(
                    topic: BotCapabilities.type.name, key: payload.key.map { Array($0.utf8) }, value: encoded.value,
                    headers: Headers(encoded.headers.map { Header($0.name, $0.value) })))
        } catch {
            options.logger.warn("bot.capabilities cannot be written: \(error)")
        }
    }

    /// One partition with what the broker has of it.
    typealias Seen = (partition: AssignedPartition, entry: PartitionBook.Entry, marks: Watermarks?)

    func report(engine: Engine, partitions: [Seen], openCalls: Int, at moment: Moment) {
        lastLook = moment.uptime
        let figuresOf = partitions.map { seen in
            (
                partition: seen.partition.topicPartition, watermark: seen.partition.ledger.watermark,
                lag: seen.entry.lag(seen.marks, seen.partition.ledger)
            )
        }
        lookForStalls(engine, partitions, at: moment)
        let degraded = engine.degraded(at: moment)
        figures.update(
            &engine.figures,
            .init(
                isActive: state(engine) == .running && !partitions.isEmpty,
                isReady: notReady(engine, partitions.map(\.partition)) == nil,
                openCalls: openCalls, waiting: engine.lanes.count, waitingForRetry: engine.schedule.count + engine.again.count,
                dropped: side.droppedRecords + side.failedRecords, partitions: figuresOf, stalled: liveness.stalled,
                dependencies: engine.breakers.states.map { known in
                    (known.dependency, degraded.first { $0.dependency == known.dependency }?.state)
                },
                heldRuns: engine.holding.runs.count, restoring: restorer.progress.rest, snapshotFailures: restorer.failures.count,
                isBlocked: engine.trouble?.isAlarm ?? false))
        let queueDepth = figuresOf.contains { $0.lag == nil } ? nil : figuresOf.reduce(0) { $0 + Int($1.lag ?? 0) }
        let record = instance(engine, partitions.map(\.partition), queueDepth: queueDepth, openCalls: openCalls, at: moment)
        health.set(record, at: moment.uptime)
        if moment.uptime - lastBeat >= Int64(InstanceRecord.intervalSeconds) * 1_000 || isNews(record) { send(record, at: moment) }
    }

    /// What people wait for is told at once: whoever scales, pauses or drains reads it from here.
    private func isNews(_ record: InstanceRecord) -> Bool {
        guard let lastSent else { return true }
        return record.state != lastSent.state || record.partitions != lastSent.partitions || record.logLevel != lastSent.logLevel
            || (record.notReady == nil) != (lastSent.notReady == nil)
    }

    private func lookForStalls(_ engine: Engine, _ partitions: [Seen], at moment: Moment) {
        let reasons = engine.explanations(isRestoring: restorer.progress.isMoving, at: moment)
        let looks = partitions.map { seen in
            Liveness.Look(
                partition: seen.partition.topicPartition, committed: seen.entry.committed,
                lag: seen.entry.lag(seen.marks, seen.partition.ledger),
                explanation: reasons[seen.partition.topicPartition]
                    ?? (seen.entry.waitsForTransactions(seen.marks, seen.partition.ledger) ? "a producer's transaction is open" : nil))
        }
        let limit = options.settings.limits.stall
        let change = liveness.look(looks, limit: limit, at: moment.uptime)
        for partition in change.began {
            options.logger.error(
                "\(partition) stands still: records wait, the committed offset has not moved for \(limit / 1_000) s, and nothing explains it",
                ["partition": .string(partition.description)])
        }
        for partition in change.ended {
            options.logger.info("\(partition) no longer stands still", ["partition": .string(partition.description)])
        }
    }

    /// Writes a last record before the end.
    func say(_ state: InstanceRecord.State, engine: Engine, partitions: [AssignedPartition], openCalls: Int, at moment: Moment) {
        var record = instance(engine, partitions, queueDepth: nil, openCalls: openCalls, at: moment)
        record.state = state
        record.notReady = nil
        send(record, at: moment)
    }

    private func send(_ record: InstanceRecord, at moment: Moment) {
        lastBeat = moment.uptime
        lastSent = record
        do {
            side.send(OutgoingRecord(topic: InstanceRecord.topic, key: Array(record.key.utf8), value: try JSONCoder.bytes(record)))
        } catch {
            options.logger.warn("the heartbeat cannot be written: \(error)")
        }
    }

    private func state(_ engine: Engine) -> InstanceRecord.State {
        if engine.draining != nil { return .draining }
        if engine.isPaused { return .paused }
        return engine.partitions.values.contains { !$0.isRestored } ? .starting : .running
    }

    private func notReady(_ engine: Engine, _ partitions: [AssignedPartition]) -> String? {
        if engine.draining != nil { return "draining" }
        if let trouble = engine.trouble { return trouble.message }
        if !liveness.stalled.isEmpty { return "stands still: \(liveness.stalled.map(\.description).joined(separator: ", "))" }
        let restoring = partitions.filter { !$0.isRestored }.map(\.topicPartition).sorted()
        guard let first = restoring.first else { return nil }
        if let progress = restorer.progress.text { return progress }
        return "partitions are being restored: \(first)\(restoring.count > 1 ? " and \(restoring.count - 1) more" : "")"
    }

    private func instance(
        _ engine: Engine, _ partitions: [AssignedPartition], queueDepth: Int?, openCalls: Int, at moment: Moment
    ) -> InstanceRecord {
        let settings = options.settings
        let rates = engine.figures.rates(at: moment.uptime)
        let percentiles = engine.figures.percentiles(at: moment.uptime)
        let degraded = engine.degraded(at: moment)
        return InstanceRecord(
            bot: settings.bot, replica: settings.replica, instance: settings.instance, host: host, pid: getpid(),
            version: options.configuration.version, state: state(engine), notReady: notReady(engine, partitions),
            healthPort: server.map { Int($0.port) }, delivery: settings.delivery.rawValue,
            partitions: partitions.map(\.topicPartition).sorted().map(\.description), recordsPerSecond: rates.records,
            errorsPerSecond: rates.errors, processingSecondsP50: percentiles?.processingP50,
            processingSecondsP99: percentiles?.processingP99,
            endToEndSecondsP50: percentiles?.endToEndP50, endToEndSecondsP99: percentiles?.endToEndP99, queueDepth: queueDepth,
            openCalls: openCalls, done: engine.figures.done, retried: engine.figures.retried, deadLettered: engine.figures.dead,
            repeated: engine.figures.duplicates, restarts: settings.restarts, lastEnd: settings.lastEnd,
            logLevel: options.logger.level.rawValue, stalled: liveness.stalled.map(\.description),
            degraded: degraded.isEmpty ? nil : degraded,
            startedAt: startedAt.text, lastSeen: moment.wall.text)
    }
}
