import Envelopes
import Glibc
import Kafka
import Synchronization

/// Finds out what `mesh top` shows, on two threads of its own that live as long as the process: one looks at instances and lag, one follows events.
final class TopSources: Sendable {
    private let settings: ClientSettings
    private let figures: Mutex<TopFigures>
    private let post: @Sendable () -> Void
    /// From the beginning of a look at the lag to that of the next one.
    private static let interval: Duration = .seconds(2)

    /// `post` is called when there is something new, on some thread.
    init(_ settings: ClientSettings, post: @escaping @Sendable () -> Void) {
        self.settings = settings
        self.post = post
        figures = Mutex(TopFigures(address: settings.bootstrapServers, now: .now))
    }

    var current: TopFigures {
        figures.withLock { figures in
            figures.now = .now
            return figures
        }
    }

    func start() {
        keep("top-state") { try $0.followState() }
        keep("top-events") { try $0.followEvents() }
    }

    /// Runs `body` again and again: a broker that is away comes back.
    private func keep(_ name: String, _ body: @escaping @Sendable (TopSources) throws -> Void) {
        DedicatedThread.start(name: name) { [self] in
            while true {
                do {
                    try body(self)
                } catch {
                    figures.withLock { $0.trouble = "\(error)" }
                    post()
                    usleep(1_000_000)
                }
            }
        }
    }

    // MARK: Instances and lag

    private func followState() throws {
        let state = try MeshState(settings)
        defer { state.close() }
        let reader = try LagReader(settings)
        defer { reader.close() }
        var trend = LagTrend()
        // The first look at the lag takes its time; who runs is known before it.
        show(state.statuses())
        while true {
            let began = ContinuousClock.now
            try state.follow(timeout: .zero)
            let statuses = state.statuses()
            let bots = Set(statuses.map(\.record.bot)).sorted()
            let sample = try reader.sample(bots, statuses)
            trend.add(sample)
            let lags = sample.rows.map { row in
                TopFigures.Lag(
                    group: row.group, partition: row.partition, records: row.records, behind: row.behind(at: sample.wall),
                    movement: trend.movement(row), wait: row.wait(at: sample.wall), isRetry: row.isRetry)
            }
            figures.withLock { figures in
                figures.instances = statuses
                figures.lags = lags
                figures.unread.subtract([.bots, .lag])
                figures.trouble = sample.troubles.first
            }
            post()
            while ContinuousClock.now < began.advanced(by: Self.interval) {
                try state.follow(timeout: ContinuousClock.now.duration(to: began.advanced(by: Self.interval)))
                show(state.statuses())
            }
        }
    }

    private func show(_ statuses: [InstanceStatus]) {
        figures.withLock { figures in
            figures.instances = statuses
            figures.unread.remove(.bots)
        }
        post()
    }

    // MARK: Events

    private func followEvents() throws {
        let events = try TopEvents(settings)
        defer { events.close() }
        while true {
            try events.follow(for: .milliseconds(500))
            let (runs, errors, dead, count) = (events.runs(.now), events.errors, events.deadLetters, events.deadLetterCount())
            figures.withLock { figures in
                figures.runs = runs
                figures.unread.subtract([.runs, .errors, .deadLetters])
                figures.errors = errors
                figures.deadLetters = dead
                figures.deadLetterCount = count ?? figures.deadLetterCount
            }
            post()
        }
    }
}

/// Follows events and dead letters for `mesh top`, from ten minutes back. Confined to the thread that made it.
final class TopEvents {
    private let consumer: Consumer
    private let codec = EnvelopeCodec()
    private var book = WorkflowBook()
    private(set) var errors: [TopFigures.Failure] = []
    private var dead = DeadLetterList()
    /// Those that nobody has put back or purged, the newest first.
    var deadLetters: [TopFigures.Failure] { dead.open }
    private let deadPartitions: [TopicPartition]
    private var counted = ContinuousClock.now.advanced(by: .seconds(-60))

    init(_ settings: ClientSettings, now: Timestamp = .now) throws {
        let admin = try AdminClient(settings, observer: .quiet)
        defer { admin.close(timeout: .seconds(1)) }
        let topics = try admin.metadata(timeout: .seconds(10)).topics
        let since = now.advanced(by: .zero - WorkflowBook.quiet).milliseconds
        let events = topics.values.filter { Self.isEvent($0.name) }
            .flatMap { topic in topic.partitions.map { TopicPartition(topic.name, $0.id) } }
        deadPartitions = (topics[OwnTopic.deadLetters]?.partitions ?? []).map { TopicPartition(OwnTopic.deadLetters, $0.id) }
        var places: [TopicPartition: StartOffset] = [:]
        consumer = try Consumer(settings, group: .none(), observer: .quiet)
        // Asked before the times are: left to the client, "the end" would be wherever it is when the client gets there.
        for (partition, marks) in try consumer.watermarks(of: events) { places[partition] = .at(marks.high) }
        for (partition, offset) in try admin.offsets(forTime: Dictionary(uniqueKeysWithValues: events.map { ($0, since) })) {
            if let offset { places[partition] = .at(offset) }
        }
        for partition in deadPartitions { places[partition] = .last(20) }
        for partition in topics[DeadLetterMark.topic]?.partitions ?? [] {
            places[TopicPartition(DeadLetterMark.topic, partition.id)] = .last(Int64(DeadLetterList.maximumMarks))
        }
        try consumer.assign(places)
    }

    /// Bookkeeping, retries, state and lines of logs are no events.
    static func isEvent(_ topic: String) -> Bool {
        guard !topic.hasPrefix("__"), !topic.hasSuffix(".log"), let domain = topic.split(separator: ".").first else { return false }
        return !["mesh", "retry", "state", "inbox", "bench"].contains(domain)
    }

    func close() { _ = consumer.close(timeout: .seconds(1)) }

    func runs(_ now: Timestamp) -> [WorkflowRun] { book.open(now: now) }

    /// Takes in what comes for so long.
    func follow(for duration: Duration) throws {
        let deadline = ContinuousClock.now.advanced(by: duration)
        while ContinuousClock.now < deadline {
            switch consumer.poll(timeout: max(.zero, ContinuousClock.now.duration(to: deadline))) {
            case .record(let record): take(record)
            case .error(let error): if error.isFatal { throw error }
            case .partitionEnd, nil: break
            }
        }
    }

    /// Records in `mesh.dlq`, asked for every few seconds; nil in between, and when nobody answers.
    func deadLetterCount() -> Int64? {
        guard counted.duration(to: .now) > .seconds(3) else { return nil }
        counted = .now
        guard let marks = try? consumer.watermarks(of: deadPartitions, timeout: .seconds(2)), marks.count == deadPartitions.count else {
            return nil
        }
        return marks.values.reduce(0) { $0 + $1.high - $1.low }
    }

    private func take(_ record: Record) {
        let time = record.timestamp.kind == .none ? nil : Timestamp(milliseconds: record.timestamp.milliseconds)
        if record.topic == OwnTopic.deadLetters { return takeDead(record, time ?? .now) }
        if record.topic == DeadLetterMark.topic {
            if let value = record.value, let mark = try? JSONCoder.decode(DeadLetterMark.self, from: value) { dead.add(mark) }
            return
        }
        guard let envelope = decode(record, record.topicPartition, record.offset, time),
            let payload = try? JSONValue.parse(envelope.payload)
        else { return }
        if envelope.type == BotErrorEvent.type { takeError(envelope, payload) } else { book.add(envelope, payload) }
    }

    /// The record as an envelope that lay at a place: what it leaves out is filled in from there. nil when it is none.
    private func decode(_ record: Record, _ place: TopicPartition, _ offset: Int64, _ time: Timestamp?) -> Envelope? {
        try? codec.decode(
            value: record.value, headers: record.headers.map { EnvelopeHeader($0.name, $0.value) }, topic: place.topic,
            partition: place.partition, offset: offset, timestamp: time)
    }

    private func takeDead(_ record: Record, _ time: Timestamp) {
        func header(_ name: String) -> String {
            record.headers.last { $0.name == name }?.value.map { String(decoding: $0.prefix(500), as: UTF8.self) } ?? "?"
        }
        // Its run is that of the record that it was.
        var original: Envelope?
        if let partition = Int32(header(RecordHeader.originPartition)), let offset = Int64(header(RecordHeader.originOffset)) {
            original = decode(
                record, TopicPartition(header(RecordHeader.originTopic), partition), offset,
                Int64(header(RecordHeader.originTimestamp)).map { Timestamp(milliseconds: $0) })
        }
        let failure = TopFigures.Failure(
            at: time, bot: header(RecordHeader.bot), code: header(RecordHeader.errorCode), message: header(RecordHeader.exceptionMessage),
            run: original?.correlationID, place: "\(record.topicPartition)@\(record.offset)")
        dead.add(failure)
    }

    private func takeError(_ envelope: Envelope, _ payload: JSONValue) {
        let place = "\(payload["topic"]?.string ?? "?")[\(payload["partition"]?.integer ?? -1)]@\(payload["offset"]?.integer ?? -1)"
        let failure = TopFigures.Failure(
            at: envelope.timestamp, bot: payload["bot"]?.string ?? "?", code: payload["code"]?.string ?? "?",
            message: String((payload["message"]?.string ?? "").prefix(500)), run: envelope.correlationID, place: "\(place) \(envelope.id)")
        errors.add(failure)
    }
}
