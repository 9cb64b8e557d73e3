import Envelopes
import Kafka
import Terminal

/// Puts dead letters back, batch by batch; each batch is one transaction of the records and their marks.
struct Redrive {
    let settings: ClientSettings
    let selection: DeadLetterSelection
    let isForced: Bool
    let limit: Int
    let maximum: Int?
    /// Records a second; nil: as fast as it goes.
    let rate: Int?
    let isTransactional: Bool
    let person: String
    let patience: Duration
    let stop: StopSign

    /// How far it came.
    struct Result {
        var redriven = 0
        var refused: [MarkWriter.Refused] = []
        var wasStopped = false
    }

    /// What kept dead letters of one bot where they are.
    struct Refusal: Hashable {
        let bot: String
        let code: String
    }

    fileprivate static let action = "dlq.redriven"

    /// Records, and bytes, that one transaction carries at most, and how long one is collected.
    private static let batchRecords = 500
    private static let batchBytes = 4 << 20
    private static let batchTime = Duration.milliseconds(500)
    /// What it would do.
    func plan() throws -> RedrivePlan {
        try plan(DeadLetterBox(settings, limit: limit, places: selection.places, patience: patience))
    }

    private func plan(_ box: DeadLetterBox) throws -> RedrivePlan {
        var plan = try emptyPlan()
        var names = SeenNames()
        try box.read(selection, noting: &names) { entry in
            _ = plan.add(entry)
            return !stop.isSet
        }
        plan.names = names
        return plan
    }

    private func emptyPlan() throws -> RedrivePlan {
        let admin = try AdminClient(settings)
        defer { admin.close(timeout: .seconds(2)) }
        let topics = try admin.metadata(timeout: .seconds(10)).topics.mapValues { Int32($0.partitions.count) }
        return RedrivePlan(partitions: topics, isForced: isForced, maximum: maximum)
    }

    /// Does it. `begun` hears the plan before the first record.
    func run(environment: [String: String], begun: (RedrivePlan) throws -> Void) throws -> Result {
        try DeadLetterTopics.require(settings)
        let writer = try MarkWriter(settings, isTransactional: isTransactional, audit: PersonAudit(person: person, settings))
        defer { writer.close() }
        // After the writer: what another command had open is decided now.
        let box = try DeadLetterBox(settings, limit: limit, places: selection.places, patience: patience)
        let plan = try plan(box)
        try begun(plan)
        if !stop.isSet { try writer.refuse(plan.refusals, action: Self.action) }
        guard plan.going > 0, !stop.isSet else { return Result(wasStopped: stop.isSet) }
        let bar = ProgressBar("redriving", total: plan.going, environment: environment)
        defer { bar.end() }
        try writer.forget(box.marks.stale(lows: box.lows))
        var worker = Worker(redrive: self, writer: writer, bar: bar, plan: try emptyPlan())
        try box.read(selection) { entry in
            try worker.take(entry)
            return !stop.isSet && worker.result.redriven + worker.result.refused.count < plan.going
        }
        try worker.flush()
        let refused = worker.result.refused.map { (Refusal(bot: $0.step.mark.bot, code: $0.error.auditCode), 1) }
        try writer.refuse(Dictionary(refused, uniquingKeysWith: +), action: Self.action)
        worker.result.wasStopped = stop.isSet && worker.result.redriven + worker.result.refused.count < plan.going
        return worker.result
    }

    /// Collects a batch, keeps the rate, and writes.
    private struct Worker {
        let redrive: Redrive
        let writer: MarkWriter
        let bar: ProgressBar
        var plan: RedrivePlan
        var result = Result()
        private let began = ContinuousClock.now
        private var batch: [MarkWriter.Step] = []
        private var bytes = 0
        private var batchBegan = ContinuousClock.now

        init(redrive: Redrive, writer: MarkWriter, bar: ProgressBar, plan: RedrivePlan) {
            self.redrive = redrive
            self.writer = writer
            self.bar = bar
            self.plan = plan
        }

        mutating func take(_ entry: DeadLetterBox.Entry) throws {
            guard case .goes(let record) = plan.add(entry) else { return }
            try keepRate()
            guard !redrive.stop.isSet else { return }
            if batch.isEmpty { batchBegan = .now }
            let letter = entry.letter
            batch.append(
                MarkWriter.Step(
                    letter: letter, record: record,
                    mark: DeadLetterMark(
                        state: .redriven, partition: letter.place.partition, offset: letter.place.offset, timestamp: letter.timestamp,
                        bot: letter.bot ?? "", target: record.topic, by: redrive.person, at: Timestamp.now.text)))
            bytes += (record.value?.count ?? 0) + (record.key?.count ?? 0) + 1_000
            if batch.count >= Redrive.batchRecords || bytes >= Redrive.batchBytes { try flush() }
        }

        /// Waits for the next record's turn; what was collected goes out before a longer wait.
        private mutating func keepRate() throws {
            guard let rate = redrive.rate else { return }
            let due = began.advanced(by: .seconds(1) * Double(plan.going - 1) / Double(rate))
            if !batch.isEmpty, batchBegan.duration(to: due) > Redrive.batchTime { try flush() }
            redrive.stop.wait(until: due)
        }

        mutating func flush() throws {
            guard !batch.isEmpty else { return }
            let refused = try writer.write(batch, action: Redrive.action) { steps in
                let counts = Dictionary(steps.map { ($0.mark.bot, 1) }, uniquingKeysWith: +).sorted { $0.key < $1.key }
                return counts.prefix(8).map { "\($0.value) of \($0.key)" }.joined(separator: ", ") + " back from \(OwnTopic.deadLetters)"
            }
            result.redriven += batch.count - refused.count
            result.refused += refused
            batch = []
            bytes = 0
            bar.advance(to: result.redriven)
        }
    }
}

/// What the commands that change something need of the broker.
enum DeadLetterTopics {
    /// Throws where the topic of the marks is missing.
    static func require(_ settings: ClientSettings) throws {
        let admin = try AdminClient(settings)
        defer { admin.close(timeout: .seconds(2)) }
        let topics = try admin.metadata(timeout: .seconds(10)).topics
        for topic in [OwnTopic.deadLetters, DeadLetterMark.topic] where topics[topic]?.partitions.isEmpty ?? true {
            throw CommandFailure("there is no topic \(topic). Create the mesh's topics: mesh topics apply")
        }
    }
}
