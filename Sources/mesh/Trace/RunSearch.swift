import Envelopes
import Kafka
import Terminal

/// Finds one run in all topics, by its correlation id, the beginning of it, or the id of one of its events.
///
/// Each record is looked at once as bytes, and read only where it can belong. Confined to the main thread.
final class RunSearch {
    private let settings: ClientSettings
    private let from: Place
    private let logLines: Int
    private let environment: [String: String]
    private let stop: StopSign

    /// Several runs whose ids begin alike are told apart up to here.
    private static let mostRuns = 20
    /// An event's id is taken by its beginning from so many characters on.
    private static let leastPrefix = 4

    init(_ settings: ClientSettings, from: Place, logLines: Int, environment: [String: String], stop: StopSign) {
        self.settings = settings
        self.from = from
        self.logLines = logLines
        self.environment = environment
        self.stop = stop
    }

    /// The run. Throws a `CommandFailure` that names the nearest runs where there is none, or the candidates where there are several.
    func find(_ id: String) throws -> RunTimeline {
        guard id.count >= Self.leastPrefix else {
            throw UsageError("'\(id)' is too short: at least \(Self.leastPrefix) characters of the id")
        }
        let topics = try TopicMap(settings)
        var found = Found(id: id, logLines: logLines)
        try scan(topics) { record in found.take(record) }
        if let run = try found.only() { return RunTimeline(run) }
        if let correlation = try found.correlationOfEvent() {
            var run = RunCollector(correlationID: correlation, logLines: logLines)
            let wanted = ByteSearch(correlation)
            try scan(topics) { record in
                guard Self.mayBelong(record, wanted) else { return }
                let content = RecordContent.of(record)
                if Self.correlation(content) == correlation { run.take(record, content) }
            }
            return RunTimeline(run)
        }
        let limit = from == .beginning ? "" : " since --from"
        throw CommandFailure("no run and no event '\(id.printable)'\(limit)" + (try recent(topics, near: id)))
    }

    /// Topics in which a run can leave something.
    private static func isOfRuns(_ topic: String) -> Bool {
        !OwnTopic.isOwn(topic) || topic == AuditRecord.topic || topic == OwnTopic.deadLetters || topic.hasPrefix(OwnTopic.retry)
    }

    private func scan(_ topics: TopicMap, _ body: (Record) -> Void) throws {
        let reader = try RecordReader(settings)
        defer { reader.close() }
        let partitions = topics.partitions(of: topics.names.filter(Self.isOfRuns))
        let ranges = try RecordRange.resolve(partitions, from: from, to: .end, reader.consumer)
        let progress = ProgressBar("reading", total: ranges.values.reduce(0) { $0 + Int($1.end - $1.start) }, environment: environment)
        defer { progress.end() }
        try reader.read(ranges)
        var count = 0
        while !reader.isAtEnd {
            guard !stop.isSet else { throw CommandFailure("stopped before everything was read") }
            guard case .record(let record)? = try reader.next(timeout: .milliseconds(200)) else { continue }
            body(record)
            count += 1
            if count % 1024 == 0 { progress.advance(to: count) }
        }
    }

    /// Whether the bytes allow that the record belongs to what `id` begins. One that names no run has one that is derived, which only reading tells.
    static func mayBelong(_ record: Record, _ id: ByteSearch) -> Bool {
        guard let value = record.value else { return false }
        return id.isIn(value) || !correlationField.isIn(value)
            || record.headers.contains { $0.name == "ce_correlationid" && $0.value?.starts(with: id.pattern) == true }
    }

    private static let correlationField = ByteSearch("\"correlation_id\"")

    static func correlation(_ content: RecordContent) -> String? {
        switch content {
        case .envelope(let envelope): envelope.correlationID
        case .plain(let json): json["correlation_id"]?.string
        case .null, .unreadable: nil
        }
    }

    // MARK: When there is none

    /// The runs whose ids are nearest, or else the latest ones, as far as the ends of the topics tell.
    func recent(_ topics: TopicMap, near id: String) throws -> String {
        let reader = try RecordReader(settings)
        defer { reader.close() }
        let partitions = topics.partitions(of: topics.names.filter { !OwnTopic.isOwn($0) && !$0.hasSuffix(".log") })
        var ranges = try RecordRange.resolve(partitions, from: .beginning, to: .end, reader.consumer)
        for (partition, range) in ranges { ranges[partition]?.start = max(range.start, range.end - 200) }
        try reader.read(ranges)
        var runs: [String: (time: Timestamp, type: String)] = [:]
        while !reader.isAtEnd, !stop.isSet {
            guard case .record(let record)? = try reader.next(timeout: .milliseconds(200)), let envelope = RecordContent.of(record).envelope
            else { continue }
            if let known = runs[envelope.correlationID], known.time >= envelope.timestamp { continue }
            runs[envelope.correlationID] = (envelope.timestamp, envelope.type.name)
        }
        guard !runs.isEmpty else { return ". No run has left anything in these topics" }
        let latest = runs.sorted { $0.value.time > $1.value.time }
        let near = NearestRuns.of(id, among: latest.map(\.key))
        let shown = near.isEmpty ? Array(latest.prefix(5).map(\.key)) : near
        let lines = shown.compactMap { run in runs[run].map { "\n  \(run.printable)  \($0.type) at \($0.time.text)" } }
        return (near.isEmpty ? ". The latest runs:" : ". Nearest:") + lines.joined()
    }
}

/// What one reading of the topics finds.
private struct Found {
    private let id: String
    private let bytes: ByteSearch
    private let logLines: Int
    private var runs: [String: RunCollector] = [:]
    private var correlations: Set<String> = []
    private var isAmbiguous = false

    init(id: String, logLines: Int) {
        self.id = id
        self.logLines = logLines
        bytes = ByteSearch(id)
    }

    mutating func take(_ record: Record) {
        guard RunSearch.mayBelong(record, bytes) else { return }
        let content = RecordContent.of(record)
        guard let correlation = RunSearch.correlation(content) else { return }
        if correlation.hasPrefix(id) {
            if runs[correlation] == nil {
                guard runs.count < 20 else {
                    isAmbiguous = true
                    return
                }
                runs[correlation] = RunCollector(correlationID: correlation, logLines: logLines)
            }
            runs[correlation]?.take(record, content)
        } else if let envelope = content.envelope, envelope.id.text.hasPrefix(id), correlations.count < 20 {
            correlations.insert(correlation)
        }
    }

    /// The one run that is meant; nil when none is.
    func only() throws(CommandFailure) -> RunCollector? {
        if let exact = runs[id] { return exact }
        guard runs.count > 1 else { return runs.values.first }
        let lines = runs.keys.sorted().map { "\n  \($0.printable)" }.joined()
        throw CommandFailure("several runs begin with '\(id.printable)':\(lines)\(isAmbiguous ? "\n  and more" : "")")
    }

    /// The run of the one event that is meant; nil when none is.
    func correlationOfEvent() throws(CommandFailure) -> String? {
        guard correlations.count > 1 else { return correlations.first }
        let lines = correlations.sorted().map { "\n  \($0.printable)" }.joined()
        throw CommandFailure("events of several runs begin with '\(id.printable)':\(lines)")
    }
}

/// Ids that were probably meant.
enum NearestRuns {
    /// At most five of `ids` that share at least four characters at their beginning with `id`, the longest common beginning first.
    static func of(_ id: String, among ids: [String]) -> [String] {
        func common(_ other: String) -> Int { zip(id, other).prefix { $0 == $1 }.count }
        let near = ids.map { ($0, common($0)) }.filter { $0.1 >= 4 }
        return near.sorted { $0.1 == $1.1 ? $0.0 < $1.0 : $0.1 > $1.1 }.prefix(5).map(\.0)
    }
}
