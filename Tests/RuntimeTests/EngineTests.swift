import BotKit
import Envelopes
import Kafka
import MeshTesting
import Testing

@testable import MeshRuntime

@Suite struct EngineTests {
    static let kinds = ["plain", "call", "calls", "chain", "flaky", "hopeless", "poison", "remind"]

    /// in = done + dead + pending, exactly one result an input, after crashes at any point.
    @Test(arguments: 0..<12) func exactlyOneResultForEveryInput(seed: UInt64) throws {
        let machine = try Machine(WorkBot.self, seed: seed)
        try storm(machine)
    }

    @Test(arguments: 0..<12) func exactlyOneResultOfWhatIsDecidedEarly(seed: UInt64) throws {
        let machine = try Machine(PromptBot.self, seed: seed, delivery: seed % 3 == 0 ? .atLeastOnce : .exactlyOnce)
        try storm(machine)
    }

    @Test(arguments: 0..<12) func exactlyOneResultWithState(seed: UInt64) throws {
        let machine = try Machine(CountBot.self, seed: seed)
        let sent = try storm(machine)
        // Each done event counted once more than the one before it of the same name.
        let done = try machine.events(WorkDone.self)
        for name in Set(done.map(\.payload.name)) {
            let totals = done.filter { $0.payload.name == name }.map(\.payload.total)
            #expect(totals == Array(1...totals.count), "\(name) of \(sent.count)")
        }
    }

    @Test(arguments: 0..<8) func exactlyOneResultInPlace(seed: UInt64) throws {
        let machine = try Machine(OrderedBot.self, seed: seed)
        try storm(machine)
        let done = try machine.events(WorkDone.self).filter { $0.envelope.causationID.map { !$0.contains("remind") } ?? false }
        for name in Set(done.map(\.payload.name)) {
            let numbers = done.filter { $0.payload.name == name && !isReminder($0.payload) }.map(\.payload.number)
            #expect(numbers == numbers.sorted(), "the order of a key is kept")
        }
    }

    /// A commit has room for a few ranges, few runs may have calls, and few results may be held. Nothing but what happens here frees what waits.
    @Test(arguments: DeliveryMode.allCases, 0..<130)
    func whatHasNoRoomInTheCommitIsSettledInTheEnd(_ delivery: DeliveryMode, seed: UInt64) throws {
        func choice<Value>(_ values: [Value], _ divisor: UInt64) -> Value { values[Int(seed / divisor) % values.count] }
        var limits = Limits()
        limits.commitMetadataBytes = choice([8, 20, 60], 3)
        limits.carryOnBytes = limits.commitMetadataBytes / 2
        limits.heldItems = choice([1, 3, 10], 9)
        let bot = configuration { $0.constraints.maximumConcurrentJobs = choice([1, 2, 4], 27) }
        func machine<B: Bot>(_ bot: B.Type, _ configuration: BotConfiguration) throws -> Machine {
            try Machine(bot, partitions: choice([1, 2], 1), seed: seed, delivery: delivery, configuration: configuration, limits: limits)
        }
        switch seed % 3 {
        case 0: try storm(machine(WorkBot.self, bot)) { _ in }
        case 1: try storm(machine(CountBot.self, bot)) { _ in }
        default: try storm(machine(OrderedBot.self, bot)) { _ in }
        }
    }

    /// Little room everywhere, in commits most of all, few runs with calls, and partitions that come and go: whatever waits for something else gets it in the end.
    @Test(arguments: DeliveryMode.allCases, 0..<60)
    func whateverWaitsForSomethingElseGetsItInTheEnd(_ delivery: DeliveryMode, seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        func choice<Value>(_ values: [Value]) -> Value { values.randomElement(using: &random)! }
        var limits = Limits()
        limits.commitMetadataBytes = choice([8, 20, 60])
        // What waits for its time is carried on before there is no room.
        limits.carryOnBytes = limits.commitMetadataBytes / 3
        limits.heldItems = choice([1, 3, 10])
        limits.waitingRecords = choice([1, 5, 10_000])
        limits.unsettledItems = choice([1, 4, 4_000])
        limits.batchItems = choice([1, 2, 1_000])
        limits.heldRuns = choice([0, 1, 500])
        limits.earlyRecords = choice([1, 1_000])
        limits.waitingPerRetryPartition = choice([1, 3, 10_000])
        limits.holdBack = choice([0, 500])
        let constraints = BotConfiguration.Constraints(
            maximumConcurrentJobs: choice([1, 2, 4]),
            rateLimit: choice([nil, BotConfiguration.RateLimit(requestsPerMinute: 60, burstSize: 2)]))
        func run<B: Bot>(_ bot: B.Type) throws {
            let machine = try Machine(
                bot, partitions: choice([1, 2]), seed: seed, delivery: delivery,
                configuration: configuration { $0.constraints = constraints },
                limits: limits)
            let rebalances = choice([false, true])
            try storm(machine) { if rebalances { self.rebalance($0) } }
            let engine = machine.engine
            #expect(engine.begun.isEmpty && engine.held.isEmpty && engine.jobsWithCalls == 0)
            #expect(engine.parked == 0 && engine.waitingCount == 0 && engine.waitingBytes == 0)
        }
        switch seed % 3 {
        case 0: try run(WorkBot.self)
        case 1: try run(CountBot.self)
        default: try run(OrderedBot.self)
        }
    }

    /// Some partitions go, in order or not, and come back after a while.
    private func rebalance(_ machine: Machine) {
        let gone = machine.inputs.filter { _ in Bool.random(using: &machine.random) }
        if Bool.random(using: &machine.random) {
            machine.engine.leaving(gone)
            for _ in 0..<5 {
                machine.advance()
                machine.settle()
            }
        }
        machine.giveUp(gone)
        for _ in 0..<20 { machine.happen() }
        machine.own(gone)
    }

    private func isReminder(_ payload: WorkDone) -> Bool { payload.number % Self.kinds.count == Self.kinds.firstIndex(of: "remind") }

    /// At-least-once: nothing is lost, and what is repeated carries the same id.
    @Test(arguments: 0..<6) func nothingIsLostAtLeastOnce(seed: UInt64) throws {
        let machine = try Machine(WorkBot.self, seed: seed, delivery: .atLeastOnce)
        try storm(machine)
    }

    @discardableResult
    private func storm(_ machine: Machine, now andThen: (Machine) throws -> Void = { try $0.crash() }) throws -> [Work] {
        machine.settings.limits.resumesPerRun = 100
        // What is settled waits for its turn, so that everything else can come between.
        machine.settings.limits.committedAtOnce = 1
        try machine.crash()
        machine.settleFailures = 10
        var sent: [Work] = []
        var failing = machine.random
        machine.outcome = { call in
            Int.random(in: 0..<10, using: &failing) == 0
                ? .failure(CallFailure(.transient, code: "busy", message: "busy"))
                : .success(Effort.Response(number: (call.request as! Effort).number))
        }
        for round in 0..<40 {
            for _ in 0..<3 {
                let number = sent.count
                let work = Work(name: "n\(number % 5)", number: number, how: Self.kinds[number % Self.kinds.count])
                sent.append(work)
                try machine.send(work)
                if number % 11 == 0 { try machine.send(work) }
            }
            for _ in 0..<30 { machine.happen() }
            if round % 4 == 3 { try andThen(machine) }
        }
        machine.outcome = { .success(Effort.Response(number: ($0.request as! Effort).number)) }
        machine.runDry()
        machine.expectAllCommitted()

        let done = try machine.events(WorkDone.self)
        var results: [Int: Set<String>] = [:]
        var visible: [Int: Int] = [:]
        for (envelope, payload) in done {
            results[payload.number, default: []].insert(envelope.id.text)
            visible[payload.number, default: 0] += 1
        }
        var dead: [Int: Int] = [:]
        var codes: [Int: [String]] = [:]
        for record in machine.dead {
            let work = try JSONValue.parse(record.value!)["payload"]!
            let number = Int(work["number"]!.integer!)
            dead[number, default: 0] += 1
            codes[number, default: []] += record.headers.filter { $0.name == "mesh_error_code" }.map {
                String(decoding: $0.value!, as: UTF8.self)
            }
        }
        let isExact = machine.settings.delivery == .exactlyOnce
        for work in sent {
            // A record that was sent twice and cannot be handled is dead-lettered twice: only what is done is deduplicated. So its copy may be done all the same.
            let copies = work.number % 11 == 0 ? 2 : 1
            let count = (results[work.number]?.count ?? 0) + min(1, dead[work.number] ?? 0)
            #expect(
                (1...copies).contains(count),
                "\(work) has \(results[work.number] ?? []) and \(dead[work.number] ?? 0) dead letters \(codes[work.number] ?? [])")
            // Nor does its partition remember, for whoever has it next, what was done by way of the retry topic.
            if isExact { #expect((visible[work.number] ?? 0) <= copies && (dead[work.number] ?? 0) <= copies, "\(work)") }
            if work.how == "plain" || work.how == "remind" { #expect(results[work.number]?.count == 1, "\(work)") }
            if work.how == "poison" || work.how == "hopeless" { #expect(dead[work.number] ?? 0 >= 1, "\(work)") }
        }
        if isExact {
            // A second copy of a record whose first one waits for its retry is handled as it comes: only what is done is deduplicated.
            let starts = try machine.events(WorkStarted.self).filter { $0.payload.number % 11 != 0 }
            #expect(Set(starts.map(\.envelope.id)).count == starts.count, "no event is visible twice")
        }
        return sent
    }

    enum CommitAnswers: CaseIterable {
        case atOnce, late, refusedEverySecondTime
    }

    /// What a crash repeats is no more than the next bot remembers, whatever a record comes to, and however the broker answers.
    @Test(arguments: CommitAnswers.allCases, ["plain", "both"])
    func noMoreIsDeliveredWithoutItsCommitThanAWindowHolds(_ answers: CommitAnswers, _ how: String) throws {
        var limits = Limits()
        limits.dedupWindow = 20
        limits.commitInterval = .max
        let machine = try Machine(PromptBot.self, delivery: .atLeastOnce, limits: limits)
        machine.holdsCommits = answers != .atOnce
        for number in 0..<400 { try machine.send(Work(name: "n\(number % 7)", number: number, how: how)) }
        let each = how == "both" ? 2 : 1
        var most = 0
        var commits = 0
        for _ in 0..<6_000 {
            machine.restore()
            machine.deliver()
            if Bool.random(using: &machine.random) { machine.advance() }
            if Bool.random(using: &machine.random) { machine.settle() }
            if machine.committing != nil, answers == .refusedEverySecondTime || Int.random(in: 0..<8, using: &machine.random) == 0 {
                commits += 1
                machine.answerCommit(answers == .refusedEverySecondTime && commits % 2 == 0 ? .notCoordinator : nil)
            }
            machine.pass(10)
            let results = machine.log.count(of: WorkStarted.type.name) + machine.log.count(of: WorkDone.type.name)
            most = max(most, results - machine.log.committedCount(of: Work.type.name) * each)
        }
        #expect(machine.log.count(of: WorkDone.type.name) == 400)
        #expect(most > 10)
        // The results of one record are never torn apart.
        #expect(most <= limits.dedupWindow + each - 1)
    }

    @Test(arguments: DeliveryMode.allCases) func manyResultsWaitForMoreOnlyWhileMoreAreComing(_ delivery: DeliveryMode) throws {
        var limits = Limits()
        limits.commitInterval = .max
        let machine = try Machine(WorkBot.self, delivery: delivery, limits: limits)
        for number in 0..<limits.lightBatch + 1 { try machine.send(Work(name: "n\(number % 7)", number: number, how: "plain")) }
        machine.restoreAll()
        while machine.deliver() != nil {}
        machine.advance()
        #expect(machine.settling == nil)
        machine.engine.inputsPause = true
        machine.advance()
        #expect(machine.settling?.records.count == limits.lightBatch + 1)
    }

    @Test func whatCannotBeCommittedWhileTheGroupFormsIsCommittedAfterwards() throws {
        var limits = Limits()
        limits.commitInterval = .max
        let machine = try Machine(WorkBot.self, delivery: .atLeastOnce, limits: limits)
        for number in 0..<700 { try machine.send(Work(name: "n\(number % 7)", number: number, how: "plain")) }
        func run() {
            for _ in 0..<1_000 {
                machine.step()
            }
        }
        func committed() -> Int { machine.log.committedCount(of: Work.type.name) }
        machine.isJoining = true
        run()
        #expect(machine.log.records(of: WorkDone.type.name).count == 700, "work goes on meanwhile")
        #expect(committed() == 0)
        machine.isJoining = false
        machine.pass(20)
        run()
        #expect(committed() == 700)
    }

    /// A crash just then must not repeat more than whoever reads the results remembers.
    @Test func whileTheMemberJoinsNoMoreIsDeliveredThanAWindowHolds() throws {
        var limits = Limits()
        limits.dedupWindow = 100
        let machine = try Machine(WorkBot.self, delivery: .atLeastOnce, limits: limits)
        for number in 0..<300 { try machine.send(Work(name: "n\(number % 7)", number: number, how: "plain")) }
        machine.isJoining = true
        for _ in 0..<1_000 {
            machine.step()
            machine.pass(20)
        }
        #expect(machine.log.records(of: WorkDone.type.name).count == 75)
        #expect(machine.log.committed.isEmpty)
        machine.isJoining = false
        machine.runDry()
        #expect(machine.log.records(of: WorkDone.type.name).count == 300)
        machine.expectAllCommitted()
    }
}

extension KafkaError {
    fileprivate static let notCoordinator = KafkaError(code: 16, name: "NOT_COORDINATOR", message: "moved", isRetriable: true)
}
