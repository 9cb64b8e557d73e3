import Envelopes
import FoundationEssentials
import Kafka
import LocalBroker
import MeshRuntime
import Synchronization

/// Where a benchmark takes place: a broker, and a directory for data and logs.
final class BenchGround: Sendable {
    let client: ClientSettings
    let programs: ContestantPrograms
    let directory: String
    /// Part of the names of all topics and groups: at a Kafka that was named there may be others of the kind, and what is made here is deleted. Always six
    /// characters, so that all results are of one length.
    private let run = String(Int.random(in: 60_466_176..<2_176_782_336), radix: 36)
    private let broker: LocalBroker?
    /// Those that were made here and not deleted yet.
    private let topics = Mutex<Set<String>>([])
    private let children = Mutex<[ChildProcess]>([])

    /// Starts a broker unless one is named.
    init(_ options: BenchOptions) throws {
        programs = options.programs
        let parent = options.directory ?? ProcessInfo.processInfo.environment["TMPDIR"] ?? "/tmp"
        directory = "\(parent)/meshload-bench-\(ProcessInfo.processInfo.processIdentifier)"
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        if let named = options.client {
            (client, broker) = (named, nil)
        } else {
            let local = try LocalBroker(program: options.brokerProgram, dataDirectory: directory + "/broker")
            do {
                try local.start()
            } catch {
                // The error may name the broker's log.
                if !FileManager.default.fileExists(atPath: directory + "/broker/broker.log") { Self.remove(directory) }
                throw error
            }
            (client, broker) = (local.settings, local)
        }
        Bench.say("broker \(client.bootstrapServers), run \(run), data and logs in \(directory)")
    }

    /// The topic of the requests of that name.
    func requests(_ name: String) -> String { "bench.request_\(run)_\(name)" }

    /// The topic of the results of that name.
    func responses(_ name: String) -> String { "bench.response_\(run)_\(name)" }

    /// The consumer group of that name.
    func group(_ name: String) -> String { "BenchBot_\(run)_\(name)" }

    /// Whether the broker is one of this package.
    var hasOwnBroker: Bool { broker != nil }

    /// Stops the broker and removes the directory; at a Kafka that was named the topics that are left.
    func close() {
        if let broker { broker.stop() } else { removeLeftTopics() }
        Self.remove(directory)
    }

    /// The same at once, with whatever runs. Contestants first: one that goes on would make its topics again.
    func abandon() {
        let running = children.withLock { $0 }
        for child in running { child.signal(.kill) }
        for child in running { _ = child.wait(timeout: .seconds(5)) }
        broker?.kill()
        close()
    }

    private func removeLeftTopics() {
        let left = topics.withLock { $0.sorted() }
        guard !left.isEmpty else { return }
        do { try delete(left) } catch { Bench.say("topics that cannot be deleted: \(left.joined(separator: ", ")): \(error)") }
    }

    private static func remove(_ directory: String) {
        do {
            try FileManager.default.removeItem(atPath: directory)
        } catch {
            Bench.say("\(directory) cannot be removed: \(error)")
        }
    }

    /// Starts a contestant.
    func start(_ contestant: Contestant, _ job: RelayJob, log: String) throws -> ChildProcess {
        try start(
            programs.launch(
                contestant, job, brokers: client.bootstrapServers, more: try Self.growth(of: job), output: "\(directory)/\(log).log"))
    }

    func start(_ launch: ChildProcess.Launch) throws -> ChildProcess {
        try Interruption.hold {
            let child = try ChildProcess.spawn(launch)
            children.withLock { children in
                children.removeAll { $0.exitStatus != nil }
                children.append(child)
            }
            return child
        }
    }

    /// The last line that it wrote as JSON; nil when that is none.
    func result(log: String) -> JSONValue? {
        guard let data = FileManager.default.contents(atPath: "\(directory)/\(log).log") else { return nil }
        guard let last = String(decoding: data.suffix(4_096), as: UTF8.self).split(separator: "\n").last else { return nil }
        return try? JSONValue.parse(Array(last.utf8))
    }

    /// The end of what it wrote, for people.
    func lastWords(log: String) -> String {
        let data = FileManager.default.contents(atPath: "\(directory)/\(log).log") ?? Data()
        return String(decoding: data.suffix(400), as: UTF8.self).split(separator: "\n").suffix(2).joined(separator: " ")
    }

    /// Makes the topics of a run, so that no contestant pays for them.
    func makeTopics(of contestant: Contestant, _ job: RelayJob) throws {
        let own = RuntimeSettings(bot: job.group).topics
        try ensure([job.output])
        guard contestant.isBot else { return }
        // One partition: else a replica may be given those of the retry topic and none of the input.
        try ensure([own.retry], compacted: [own.state], partitions: 1)
    }

    /// Makes topics that are not there yet.
    func ensure(_ names: [String], compacted: [String] = [], partitions: Int32 = 6) throws {
        try Interruption.hold {
            topics.withLock { $0.formUnion(names + compacted) }
            try Topics.ensure(names, compacted: compacted, partitions: partitions, client)
        }
    }

    /// How far a topic reaches: records, and markers of transactions.
    func count(of topic: String) throws -> Int64 {
        let admin = try AdminClient(client)
        defer { admin.close() }
        let partitions = try admin.metadata(topic: topic).topics[topic]?.partitions ?? []
        return try partitions.reduce(0) { try $0 + admin.watermarks(of: TopicPartition(topic, $1.id)).high }
    }

    /// Deletes the topics of a run, so that the disk does not fill.
    func removeTopics(of contestant: Contestant, _ job: RelayJob) throws {
        let own = RuntimeSettings(bot: job.group).topics
        try delete([job.output] + (contestant.isBot ? [own.retry, own.state] : []))
    }

    func delete(_ names: [String]) throws {
        let admin = try AdminClient(client)
        defer { admin.close() }
        try admin.deleteTopics(names).check(except: \.isUnknownTopicOrPartition)
        topics.withLock { $0.subtract(names) }
    }

    /// Bytes by which a bot's result is longer than the request.
    private static func growth(of job: RelayJob) throws -> Int {
        var random = SystemRandomNumberGenerator()
        let request = Envelope(
            id: EventID(random: &random), timestamp: .now, source: "meshload", type: EventType(job.input), payload: Array("{}".utf8))
        let result = Envelope(
            id: EventID(random: &random), timestamp: .now, source: job.group, type: EventType(job.output), payload: Array("{}".utf8),
            correlationID: request.correlationID, causationID: request.id.text)
        let codec = EnvelopeCodec()
        let more = (codec.encode(result).value.count) - (codec.encode(request).value.count)
        guard more >= 0 else { throw LoadFailure("the group's name \(job.group) is too short to compare with") }
        return more
    }
}
