import BotKit
import Bots
import Envelopes
import FoundationEssentials
import Glibc
import Kafka
import Terminal
import Topology

/// Writing one event by hand.
enum ProduceCommand {
    static let all = [
        Command(
            "produce", summary: "Write one event: checked against the catalogue before it is sent",
            discussion: """
                The payload comes from --payload, from --file, or, where neither is given, from your editor, which begins with the catalogue's example. A file may
                also hold a whole envelope: its payload, correlation_id and priority count. Every problem is told with its place. The key is made as the
                catalogue says. A type that is a bot's own is written in its name, with --as; the audit keeps who did it.

                Examples:
                  mesh produce code.committed
                  mesh produce code.committed --payload '{"repository":"https://git.example.org/cart.git","commit":"3f1c9a7"}' --dry-run
                  mesh produce build.completed --as BuildBot --file build.json --correlation a1a313a4-3476-5158-bc52-cfe1c1acaa7f
                """,
            json: """
                one object: topic, partition, offset, key, id, correlation_id, sent, and envelope where nothing was sent; or one \
                object a problem of the payload: pointer, problem
                """,
            arguments: [Argument("TYPE", help: "the event's type, which is also its topic")],
            flags: [
                Flag("payload", value: "JSON", help: "the payload: one JSON object"),
                Flag("file", value: "FILE", help: "a file with the payload, or with an envelope; - is standard input"),
                Flag("key", value: "TEXT", help: "the record's key, instead of what the catalogue makes it of"),
                Flag("as", value: "BOT", help: "write in this bot's name, where the type is one that it may produce"),
                Flag("correlation", value: "ID", help: "the run that it belongs to; absent, a new one"),
                Flag("priority", value: "LEVEL", choices: ["critical", "high", "medium", "low"], help: "how urgent it is; absent, medium"),
                Flag("dry-run", help: "check and print it, and send nothing"),
                Flag("env", value: "NAME", environment: "MESH_ENV", help: "the overlay of deploy/bots that is used"),
                Flag("config-dir", value: "DIR", environment: "MESH_CONFIG_DIR", help: "the bots' configuration; absent, deploy/bots"),
                .format,
            ], run: { try produce($0) })
    ]

    private static func produce(_ invocation: Invocation) throws -> Int32 {
        let known = try known(invocation)
        let event = try NewEvent(type: invocation.arguments[0], as: invocation["as"], catalogue: known.catalogue, bots: known.bots)
        let output = Output(invocation)
        let isEdited = invocation["payload"] == nil && invocation["file"] == nil
        guard var given = isEdited ? try edit(event, invocation) : try readGiven(invocation) else {
            throw CommandFailure("nothing was changed, so nothing is sent")
        }
        given.correlationID = invocation["correlation"] ?? given.correlationID
        given.priority = invocation["priority"].flatMap { Priority(rawValue: $0) } ?? given.priority
        given.key = invocation["key"]
        if let id = given.correlationID, EventID(id) == nil {
            throw UsageError("--correlation takes 1 to 128 bytes without control characters")
        }
        let problems = event.problems(of: given)
        guard problems.isEmpty else { return try tell(problems, event, output) }
        var random = SystemRandomNumberGenerator()
        let (envelope, key) = event.envelope(given, id: EventID(random: &random), now: .now)
        if invocation.has("dry-run") {
            try output.produced(Produced(envelope, key: key, delivery: nil))
            return 0
        }
        let settings = try invocation.settings()
        let topics = try TopicMap(settings)
        try topics.require(envelope.type.name)
        // A Kafka with the event's topic alone is no mesh, and has nobody who would look into its audit.
        let isAudited = topics.partitions[AuditRecord.topic] != nil
        let delivery = try EventPublisher(settings: settings).send(
            envelope, key: key, decision: isAudited ? Decision(person: Person.name(settings), subject: envelope.id.text) : nil)
        try output.produced(Produced(envelope, key: key, delivery: delivery))
        return 0
    }

    private struct Known {
        let catalogue: EventCatalogue
        let bots: [String]
    }

    /// The catalogue with the types that custom bots bring, and all bots' names. What is wrong with a configuration is no matter here.
    private static func known(_ invocation: Invocation) throws -> Known {
        let home = try Home.find(invocation.environment)
        var catalogue = try CatalogueLoader.load(directory: home.topics)
        let loaded = ConfigurationLoader.load(
            try ConfigurationFiles.sources(directory: invocation["config-dir"].map(absolute) ?? home.bots, environment: invocation["env"]),
            knowledge: ConfigurationKnowledge(bots: BotRegistry.all, custom: BotRegistry.custom, catalogue: catalogue))
        for definition in loaded.ownEvents(beside: catalogue) { catalogue.add(definition) }
        let owners = catalogue.definitions.values.map(\.owner).filter { $0 != EventDefinition.mesh }
        let shipped = BotRegistry.all.map { $0.contract.name }
        let configured = loaded.bots.map { $0.configuration.name }
        return Known(catalogue: catalogue, bots: Set(shipped + configured + owners).sorted())
    }

    private static func tell(_ problems: [SchemaViolation], _ event: NewEvent, _ output: Output) throws -> Int32 {
        if output.format == .json {
            for problem in problems { try output.object(Problem(pointer: problem.pointer, problem: problem.message)) }
        } else {
            let count = problems.count == 1 ? "a problem" : "\(problems.count) problems"
            let lines = problems.map { "\n  \($0.description.printable)" }.joined()
            Terminal.write("mesh: the payload of \(event.definition.type) has \(count), so nothing is sent:\(lines)\n", to: STDERR_FILENO)
        }
        return 1
    }

    // MARK: Where the payload comes from

    private static func readGiven(_ invocation: Invocation) throws -> NewEvent.Given {
        guard let file = invocation["file"] else { return NewEvent.Given(payload: Array((invocation["payload"] ?? "").utf8)) }
        if invocation["payload"] != nil { throw UsageError("--payload and --file exclude each other") }
        let bytes = try GivenFile.read(file)
        // An envelope is told by its payload.
        guard let value = try? JSONValue.parse(bytes), let payload = value["payload"], payload.object != nil else {
            return NewEvent.Given(payload: bytes)
        }
        let priority = value["priority"]?.string.flatMap { Priority(rawValue: $0) }
        if let given = value["priority"], priority == nil {
            throw UsageError("\(file): the priority \(given.jsonText.printable) is none of critical, high, medium, low")
        }
        return NewEvent.Given(payload: payload.bytes, correlationID: value["correlation_id"]?.string, priority: priority)
    }

    /// Until what was written has no problem, or was left as it was. nil: nothing is to be sent.
    private static func edit(_ event: NewEvent, _ invocation: Invocation) throws -> NewEvent.Given? {
        guard isatty(STDIN_FILENO) == 1 else {
            throw UsageError("no payload: give --payload JSON or --file FILE (- is standard input); an editor needs a terminal")
        }
        let editor = Editor(invocation.environment)
        var text = GivenText.template(event.definition, problems: [], body: nil)
        for _ in 0..<100 {
            let before = GivenText.body(text)
            let body = GivenText.body(try editor.edit(text, name: event.definition.type.name))
            if body == before || body.allSatisfy(\.isWhitespace) { return nil }
            let given = NewEvent.Given(payload: Array(body.utf8))
            let problems = event.problems(of: given)
            if problems.isEmpty { return given }
            text = GivenText.template(event.definition, problems: problems, body: body)
        }
        return nil
    }
}

/// A file that a person named.
enum GivenFile {
    private static let limit = 16 << 20

    /// All of it, at most 16 MiB; `-` is standard input.
    static func read(_ path: String) throws -> [UInt8] {
        let descriptor = path == "-" ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw UsageError("cannot read \(path): \(String(cString: strerror(errno)))") }
        defer { if path != "-" { close(descriptor) } }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 64 << 10)
        while true {
            let count = Glibc.read(descriptor, &buffer, buffer.count)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw UsageError("cannot read \(path): \(String(cString: strerror(errno)))") }
            if count == 0 { return bytes }
            bytes.append(contentsOf: buffer[..<count])
            guard bytes.count <= limit else { throw UsageError("\(path) is larger than 16 MiB") }
        }
    }
}

private struct Problem: Encodable {
    var pointer: String
    var problem: String
}

/// What was, or would be, written.
private struct Produced: Encodable {
    var topic: String
    var partition: Int32?
    var offset: Int64?
    var key: String?
    var id: String
    var correlationID: String
    var isSent: Bool
    var envelope: JSONValue?

    init(_ envelope: Envelope, key: String?, delivery: Delivery?) {
        topic = envelope.type.name
        partition = delivery?.topicPartition.partition
        offset = delivery?.offset
        self.key = key
        id = envelope.id.text
        correlationID = envelope.correlationID
        isSent = delivery != nil
        if delivery == nil { self.envelope = envelope.json }
    }

    enum CodingKeys: String, CodingKey {
        case topic, partition, offset, key, id, envelope
        case correlationID = "correlation_id"
        case isSent = "sent"
    }
}

extension Output {
    fileprivate func produced(_ event: Produced) throws {
        if format == .json { return try object(event) }
        if let envelope = event.envelope {
            line(style(.yellow, "not sent") + "  \(event.topic)  key \(event.key?.printable ?? "none")")
            let order = ["id", "timestamp", "source", "type", "version", "priority", "correlation_id", "causation_id", "payload"]
            return line(PrettyJSON.text(envelope, order: order))
        }
        let place = "\(event.topic)[\(event.partition ?? -1)]@\(event.offset ?? -1)"
        line("\(style(.green, place))  id \(event.id), run \(event.correlationID.printable), key \(event.key?.printable ?? "none")")
    }
}
