import BotKit
import Envelopes
import Kafka
import MeshTesting
import Testing

@testable import MeshRuntime

/// Runs an engine against a `MemoryLog`: time, calls, settlements and crashes happen when the seed says so.
final class Machine {
    let log: MemoryLog
    let bot: any Bot
    let configuration: BotConfiguration
    var settings: RuntimeSettings
    var random: SeededGenerator
    var uptime: Int64 = 0
    var wall: Int64 = 1_700_000_000_000

    private(set) var engine: Engine
    /// The group hands its partitions out anew: nothing can be committed.
    var isJoining = false
    /// At-least-once: a commit is answered only by `answerCommit`.
    var holdsCommits = false
    private(set) var committing: [TopicPartition: CommittedOffset]?
    private var owned: Set<TopicPartition> = []
    private var positions: [TopicPartition: Int64] = [:]
    private var paused: Set<TopicPartition> = []
    private var restoring: [(partition: TopicPartition, assignment: UInt64, cut: LogCut?)] = []
    private var cuts = CutWatch()
    /// Their logs were cut, and the next commit says so.
    private var goesBack: Set<TopicPartition> = []
    private(set) var settling: SettleBatch?
    private(set) var calls: [CallReference: CallStart] = [:]
    private(set) var started: [CallStart] = []
    private(set) var entries: [LogEntry] = []
    private(set) var audits: [AuditEntry] = []
    private(set) var hasFinished = false
    /// How many partitions were restored anew because their log was cut.
    private(set) var restoredAnew = 0
    /// How many records the engine has handed over to be freed, and how many of them it still had.
    private(set) var (handedOver, stillHeld) = (0, 0)
    /// How long the bot takes each time that the engine tells it of something.
    var handleMilliseconds: Int64 = 0
    private let clock = HandleClock()
    /// Grows whenever something happens.
    private var activity = 0
    /// How a call ends; by default with success.
    var outcome: (CallStart) -> CallOutcome = { .success(Effort.Response(number: ($0.request as! Effort).number)) }
    /// Of 100 settlements, how many fail.
    var settleFailures = 0
    var cancelled: Set<CallReference> = []

    init<B: Bot>(
        _: B.Type, partitions: Int32 = 3, seed: UInt64 = 1, delivery: DeliveryMode = .exactlyOnce,
        configuration: BotConfiguration = BotConfiguration(name: B.contract.name), limits: Limits = Limits()
    ) throws {
        bot = try B(configuration: configuration)
        self.configuration = configuration
        settings = RuntimeSettings(bot: B.contract.name, delivery: delivery, limits: limits)
        random = SeededGenerator(seed: seed)
        let topics = settings.topics
        let counts: [String: Int32] = [
            Work.type.name: partitions, Dawdle.type.name: partitions, WorkStarted.type.name: partitions, WorkDone.type.name: partitions,
            topics.retry: 2, topics.state: 3,
            topics.inbox: 3, topics.deadLetters: 2, "bot.error": 1, "notification.requested": 1, topics.schedule: 2,
        ]
        var time: () -> Int64 = { 0 }
        log = MemoryLog(counts) { time() }
        engine = try Self.engine(
            bot, configuration, settings, counts, SeededGenerator(seed: seed), Moment(wall: Timestamp(milliseconds: wall), uptime: 0),
            clock)
        clock.look = { [unowned self] in
            pass(handleMilliseconds)
            return uptime
        }
        time = { [unowned self] in wall }
        log.clock = time
        own(inputs)
    }

    var moment: Moment { Moment(wall: Timestamp(milliseconds: wall), uptime: uptime) }

    var inputs: [TopicPartition] {
        let topics =
            engine.routes.topics(known: [], contract: bot.contract).map(\.name) + [settings.topics.retry]
            + (bot.isStateful ? [settings.topics.inbox] : [])
        return topics.flatMap { topic in (0..<log.counts[topic]!).map { TopicPartition(topic, $0) } }
    }

    private static func engine(
        _ bot: any Bot, _ configuration: BotConfiguration, _ settings: RuntimeSettings, _ counts: [String: Int32],
        _ random: SeededGenerator, _ moment: Moment, _ clock: HandleClock
    ) throws -> Engine {
        try Engine(
            bot: bot, configuration: configuration, settings: settings,
            codec: MeshCodec(catalogue: EventCatalogue(), topics: settings.topics), partitionCounts: counts, random: random,
            startedAt: moment, clock: { clock.look() })
    }

    func own(_ partitions: [TopicPartition]) {
        // A broker does not say what is committed while a transaction that carries offsets of them is open.
        if let settling, settling.offsets.keys.contains(where: { partitions.contains($0) }) { settle() }
        owned.formUnion(partitions)
        for partition in partitions { positions[partition] = log.committed[partition]?.offset ?? 0 }
        engine.assigned(partitions)
        perform()
    }

    /// The process dies: what was not settled never happened. Calls under way die with it.
    func crash() throws {
        engine = try Self.engine(bot, configuration, settings, log.counts, SeededGenerator(seed: random.next()), moment, clock)
        let partitions = owned
        owned = []
        paused = []
        restoring = []
        positions = [:]
        settling = nil
        committing = nil
        calls = [:]
        cancelled = []
        own(partitions.sorted())
    }

    func send(
        _ work: Work, id: String? = nil, key: String? = nil, replay: String? = nil, timeToLive: Duration? = nil, trace: TraceContext? = nil
    ) throws {
        let envelope = Envelope(
            id: EventID(id ?? "\(work.name)-\(work.number)")!, timestamp: Timestamp(milliseconds: wall), source: "test", type: Work.type,
            payload: try work.jsonBytes(), timeToLive: timeToLive, trace: trace, replay: replay)
        log.append(try MeshCodec(catalogue: EventCatalogue(), topics: settings.topics).outgoing(envelope, key: key ?? work.name).record)
    }

    /// A record of the first retry partition, as one of `origin` was written there that is due after so many milliseconds.
    func sendRetry(_ work: Work, id: String, key: String, origin: Int64, after delay: Int64 = 0) throws {
        var passport = Passport(
            Record(topicPartition: TopicPartition(Work.type.name, 0), offset: origin, key: Array(key.utf8), value: nil),
            isOwnTopic: false)
        passport.origin.timestamp = RecordTimestamp(kind: .created, milliseconds: 1)
        if delay > 0 { passport.notBefore = Timestamp(milliseconds: wall + delay) }
        let envelope = Envelope(
            id: EventID(id)!, timestamp: Timestamp(milliseconds: wall), source: "test", type: Work.type, payload: try work.jsonBytes())
        let encoded = try MeshCodec(catalogue: EventCatalogue(), topics: settings.topics).outgoing(envelope, key: nil).record
        log.append(
            OutgoingRecord(
                topic: settings.topics.retry, partition: 0, key: Array(key.utf8), value: encoded.value,
                headers: passport.ownHeaders(group: settings.group) + encoded.headers))
    }

    /// The partitions pass to somebody else; `own` brings them back.
    func giveUp(_ partitions: [TopicPartition]) {
        engine.revoked(partitions, at: moment)
        owned.subtract(partitions)
        paused.subtract(partitions)
        for partition in partitions { positions[partition] = nil }
        restoring.removeAll { partitions.contains($0.partition) }
        perform()
    }

    private func perform() {
        var finished = engine.takeFinished()
        handedOver += finished.count
        for place in finished.indices where !isKnownUniquelyReferenced(&finished[place]) { stillHeld += 1 }
        for action in engine.takeActions() {
            switch action {
            case .pause(let partitions): paused.formUnion(partitions)
            case .resume(let partitions): paused.subtract(partitions)
            case .restore(let partitions, let assignment, let cut): restoring += partitions.map { ($0, assignment, cut) }
            case .settle(let batch):
                #expect(settling == nil, "one settlement at a time")
                let isFenced = settings.delivery == .atLeastOnce || !batch.offsets.isEmpty || batch.records.allSatisfy(\.isEmpty)
                #expect(isFenced, "without an offset the broker cannot see that the partition is somebody else's")
                settling = batch
            case .commit(let offsets, _):
                if isJoining {
                    engine.commitWaits(offsets.keys, at: moment)
                } else {
                    #expect(committing == nil, "of two that are under way the older could come last")
                    committing = offsets
                    if !holdsCommits { answerCommit() }
                }
            case .startCall(let call):
                calls[call.reference] = call
                started.append(call)
                activity += 1
            case .cancelCall(let reference): cancelled.insert(reference)
            case .log(let entry): entries.append(entry)
            case .audit(let entry): audits.append(entry)
            case .produced: break
            case .finished: hasFinished = true
            }
        }
    }

    /// The broker takes the commit that is under way, or refuses it.
    func answerCommit(_ error: KafkaError? = nil) {
        guard let offsets = committing else { return }
        committing = nil
        for (partition, commit) in offsets where error == nil { commitOffset(partition, commit) }
        engine.commitAnswered(offsets.keys, error, at: moment)
    }

    private func commitOffset(_ partition: TopicPartition, _ commit: CommittedOffset) {
        if log.committed[partition] != commit { activity += 1 }
        // What is committed goes back with the log.
        let goesBack = goesBack.remove(partition) != nil
        #expect(goesBack || commit.offset >= log.committed[partition]?.offset ?? 0, "a commit never goes back")
        #expect(commit.metadata.utf8.count <= 4_096)
        log.committed[partition] = commit
    }

    func advance() {
        engine.advance(at: moment)
        perform()
    }

    @discardableResult func deliver(except silent: TopicPartition? = nil) -> Record? {
        // OFFSET_OUT_OF_RANGE: the client begins again where the log begins.
        for (partition, position) in positions where position > log.end(of: partition) { positions[partition] = 0 }
        let ready = owned.subtracting(paused).sorted().compactMap { partition in
            partition == silent ? nil : log.record(at: positions[partition] ?? 0, of: partition)
        }
        guard let record = ready.randomElement(using: &random) else { return nil }
        positions[record.topicPartition] = record.offset + 1
        activity += 1
        engine.beginTurn(at: moment)
        engine.take(engine.decoder.decode(record, at: moment), at: moment)
        perform()
        return record
    }

    /// The record that was delivered last comes once more.
    func handOverAgain(_ partition: TopicPartition) { positions[partition]? -= 1 }

    func restore() {
        engine.beginTurn(at: moment)
        restoreNext()
    }

    /// All of them in one turn.
    func restoreTogether() {
        engine.beginTurn(at: moment)
        while !restoring.isEmpty { restoreNext() }
    }

    private func restoreNext() {
        guard let (partition, assignment, cut) = restoring.popLast() else { return }
        let restoration = restoration(of: partition, assignment, cut)
        if restoration.forgetFrom != nil { goesBack.insert(partition) }
        switch restoration.putTo {
        case .at(let offset): positions[partition] = offset
        case .beginning: positions[partition] = 0
        default: break
        }
        engine.restored(restoration, at: moment)
        perform()
    }

    /// What the restoring thread would read now.
    func restoration(of partition: TopicPartition, _ assignment: UInt64, _ cut: LogCut? = nil) -> Restoration {
        log.restoration(
            of: partition, assignment: assignment, cut: cut, bot: bot, decoder: engine.decoder, window: Int64(settings.limits.dedupWindow))
    }

    /// The client says of which partitions all was delivered.
    func tellEnds() {
        for (partition, position) in positions where position >= log.end(of: partition) {
            if let owned = engine.partitions[partition], owned.isRestored { owned.reachedEnd(at: position) }
        }
    }

    /// What the loop does from time to time: it hears of the ends that it asked for the last time.
    func lookForCuts() {
        cuts.heard(Dictionary(uniqueKeysWithValues: owned.map { ($0, log.end(of: $0)) }))
        cuts.asks(engine.cutLooks)
        for look in engine.cutLooks {
            if let cut = cuts.cut(look), engine.restoreAnew(look.partition, cut, at: moment) { restoredAnew += 1 }
        }
        perform()
    }

    func restoreAll() { while !restoring.isEmpty { restore() } }

    func settle(_ forced: SettleOutcome? = nil) {
        guard let batch = settling else { return }
        settling = nil
        var outcome = forced ?? .committed
        if forced == nil, Int.random(in: 0..<100, using: &random) < settleFailures {
            outcome = failure(of: batch)
        }
        if case .committed = outcome {
            for produced in batch.records.joined() { log.append(produced.record) }
            activity += batch.records.joined().count
            for (partition, commit) in batch.offsets { commitOffset(partition, commit) }
        }
        if case .failure(let failure) = outcome {
            for (item, places) in failure.delivered.sorted(by: { $0.key < $1.key }) {
                for place in places.sorted() { log.append(batch.records[item][place].record) }
            }
        }
        engine.settled(batch.id, outcome, at: moment)
        perform()
    }

    /// At-least-once some of its records are delivered all the same: of what the state topic is told, what belongs to items of which all else is.
    private func failure(of batch: SettleBatch) -> SettleOutcome {
        var delivered: [Int: Set<Int>] = [:]
        var lastBegun: BatchPlace?
        for (item, records) in batch.records.enumerated() where settings.delivery == .atLeastOnce {
            let results = records.indices.filter { !records[$0].isOf(settings.topics.state) }
            let through = results.filter { _ in Bool.random(using: &random) }
            delivered[item] = Set(through.count == results.count ? Array(records.indices) : through)
            if let last = through.last { lastBegun = BatchPlace(item: item, record: last) }
        }
        return .failed(
            KafkaError(code: -1, name: "_TEST", message: "a test", isRetriable: true), delivered: delivered, lastBegun: lastBegun)
    }

    func finishCall(_ reference: CallReference? = nil) {
        guard let reference = reference ?? calls.keys.sorted(by: { ($0.job, $0.call) < ($1.job, $1.call) }).randomElement(using: &random),
            let call = calls.removeValue(forKey: reference)
        else { return }
        let result: CallOutcome =
            cancelled.remove(reference) != nil
            ? .failure(CallFailure(.cancelled, code: "task-cancelled", message: "cancelled")) : outcome(call)
        engine.callFinished(reference, result, at: moment)
        perform()
    }

    func pass(_ milliseconds: Int64) {
        uptime += milliseconds
        wall += milliseconds
    }

    /// At most one partition is restored and one record delivered; what is due is done, and settled.
    func step() {
        restore()
        deliver()
        advance()
        settle()
    }

    /// Until a settlement is asked for.
    func runToSettlement() {
        for _ in 0..<60 where settling == nil {
            restore()
            deliver()
            advance()
        }
    }

    /// One random thing happens.
    func happen() {
        switch Int.random(in: 0..<12, using: &random) {
        case 0..<4: deliver()
        case 4: restore()
        case 5, 6: settle()
        case 7: finishCall()
        case 8: pass(Int64.random(in: 1..<2_000, using: &random))
        default: advance()
        }
    }

    /// Everything happens until nothing more does.
    func runDry(_ limit: Int = 200_000) {
        var quiet = 0
        for _ in 0..<limit where quiet < 40 {
            let before = activity
            step()
            finishCall()
            pass(1_000)
            let busy = activity != before || settling != nil || !calls.isEmpty
            quiet = busy ? 0 : quiet + 1
        }
        #expect(quiet >= 40, "the machine comes to rest")
    }

    /// Every input partition is committed to its end.
    func expectAllCommitted(at location: SourceLocation = #_sourceLocation) {
        for partition in inputs where log.end(of: partition) > 0 {
            #expect(log.committed[partition]?.offset ?? 0 >= log.end(of: partition), "\(partition)", sourceLocation: location)
            #expect(log.committed[partition]?.metadata == "", "\(partition)", sourceLocation: location)
        }
    }

    func events<Payload: EventPayload>(_: Payload.Type) throws -> [(envelope: Envelope, payload: Payload)] {
        try log.records(of: Payload.type.name).map { record in
            let envelope = try MeshCodec(catalogue: EventCatalogue(), topics: settings.topics).decode(record)
            return (envelope, try envelope.decode(Payload.self))
        }
    }

    var dead: [Record] { log.records(of: settings.topics.deadLetters) }
}

/// What the engine asks how long the bot took: once each time that it was told of something.
private final class HandleClock { var look: () -> Int64 = { 0 } }

extension Produced {
    /// As it will stand in its topic.
    fileprivate var record: OutgoingRecord {
        switch self {
        case .record(let record): record
        case .event(let event): event.record
        }
    }
}
