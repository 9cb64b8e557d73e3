import BotKit
import Envelopes
import Terminal

/// An event that a person writes: checked against the catalogue before it is sent.
struct NewEvent {
    let definition: EventDefinition
    /// Who is named as its source.
    let source: String

    /// The source of what a person writes in nobody's name.
    static let person = EventDefinition.mesh

    /// Throws a `UsageError` where the type is not in the catalogue, or where whoever writes may not produce it.
    init(type: String, as bot: String?, catalogue: EventCatalogue, bots: [String]) throws(UsageError) {
        guard let definition = catalogue[EventType(type)] else {
            throw UsageError.unknown("event type", type, among: catalogue.definitions.keys.map(\.name).sorted())
        }
        guard definition.kind != .internal else {
            throw UsageError("\(type) is the mesh's own and takes no events. See what there is: mesh topics list")
        }
        if let bot, !bots.contains(bot) { throw UsageError.unknown("bot", bot, among: bots) }
        let allowed = Self.producers(of: definition)
        guard bot.map(definition.mayBeProduced) ?? Self.isForPeople(definition) else {
            let who = bot ?? "a person"
            throw UsageError(
                "\(who) may not produce \(type); \(allowed.joined(separator: ", ")) may. To write it in such a bot's name: --as \(allowed.first ?? definition.owner)"
            )
        }
        self.definition = definition
        source = bot ?? Self.person
    }

    /// A person is no bot: what every bot may write, they may not.
    private static func isForPeople(_ definition: EventDefinition) -> Bool {
        definition.owner == person || definition.producers.contains { $0 == person || $0 == EventDefinition.anyone }
    }

    private static func producers(of definition: EventDefinition) -> [String] {
        let names = [definition.owner] + definition.producers.map { $0 == EventDefinition.everyBot ? "every bot" : $0 }
        var seen: Set<String> = []
        return names.filter { seen.insert($0).inserted }
    }

    /// What a person gives: a payload, or an envelope whose `payload` it is.
    struct Given: Equatable {
        var payload: [UInt8]
        var correlationID: String?
        var priority: Priority?
        var key: String?
    }

    /// Everything that is wrong with what was given; empty when it can be sent.
    func problems(of given: Given) -> [SchemaViolation] {
        let value: JSONValue
        do throws(JSONError) {
            value = try JSONValue.parse(given.payload)
        } catch {
            return [SchemaViolation(pointer: "", message: "\(error.message)")]
        }
        guard value.object != nil else { return [SchemaViolation(pointer: "", message: "a payload is a JSON object")] }
        if given.payload.count > EnvelopeLimits().maximumBytes - 2_048 {
            return [SchemaViolation(pointer: "", message: "larger than an envelope may be (\(EnvelopeLimits().maximumBytes) bytes)")]
        }
        return (definition.schema?.validate(given.payload) ?? []) + beyondSchema(value)
    }

    /// What the schema cannot say: of a commit's name and its older one, one must be there.
    private func beyondSchema(_ payload: JSONValue) -> [SchemaViolation] {
        guard definition.type == CodeCommitted.type, payload["commit"] == nil, payload["commit_sha"] == nil else { return [] }
        return [SchemaViolation(pointer: "/commit", message: "is missing")]
    }

    /// The envelope, and the record's key: the one that was given, else what the catalogue makes it of; nil where the payload lacks that.
    func envelope(_ given: Given, id: EventID, now: Timestamp) -> (envelope: Envelope, key: String?) {
        let envelope = Envelope(
            id: id, timestamp: now, source: source, type: definition.type, version: definition.version, payload: given.payload,
            priority: given.priority ?? .medium, correlationID: given.correlationID)
        return (envelope, given.key ?? Self.key(definition.key, (try? JSONValue.parse(given.payload)) ?? .null))
    }

    static func key(_ rule: String, _ payload: JSONValue) -> String? {
        var parts: [String] = []
        for field in rule.split(separator: "/") {
            switch payload[dotted: String(field)] {
            case .string(let text)?: parts.append(text)
            case .integer(let number)?: parts.append(String(number))
            default: return nil
            }
        }
        return parts.isEmpty ? nil : parts.joined(separator: "/")
    }
}

/// A text that a person wrote: JSON, with lines before it that begin with `#`.
enum GivenText {
    /// Without the lines at its beginning that are empty or begin with `#`.
    static func body(_ text: String) -> String {
        var rest = text[...]
        // A carriage return and the line feed after it are one character: some editors end lines so.
        while let line = rest.split(maxSplits: 1, omittingEmptySubsequences: false, whereSeparator: { $0 == "\n" || $0 == "\r\n" }).first {
            let words = line.drop { $0.isWhitespace }
            guard words.isEmpty || words.first == "#", line.endIndex < rest.endIndex || words.first == "#" || words.isEmpty else { break }
            guard line.endIndex < rest.endIndex else { return "" }
            rest = rest[rest.index(after: line.endIndex)...]
        }
        return String(rest)
    }

    /// What an editor shows first: what is asked for, and what the catalogue has as an example.
    static func template(_ definition: EventDefinition, problems: [SchemaViolation], body: String?) -> String {
        var lines = ["# \(definition.type): \(definition.summary)"]
        lines.append("# The payload. Save and leave the editor to send it; leave it unchanged, or empty, to send nothing.")
        for problem in problems { lines.append("# PROBLEM \(problem)") }
        return lines.joined(separator: "\n") + "\n" + (body ?? example(definition)) + "\n"
    }

    static func example(_ definition: EventDefinition) -> String {
        guard let example = definition.examples.first(where: { !$0.isOlder }) ?? definition.examples.first else { return "{\n}" }
        return PrettyJSON.text(example.payload, order: definition.fields)
    }
}

/// JSON over several lines, for editing.
enum PrettyJSON {
    /// `order`: names of the outermost object's members, which then come in this order; all others by name.
    static func text(_ value: JSONValue, order: [String] = [], indent: String = "") -> String {
        let inner = indent + "  "
        switch value {
        case .object(let members) where !members.isEmpty:
            let known = order.filter { members[$0] != nil }
            let names = known + members.keys.filter { !known.contains($0) }.sorted()
            let lines = names.map { name in
                inner + JSONValue.string(name).jsonText + ": " + text(members[name] ?? .null, indent: inner)
            }
            return "{\n" + lines.joined(separator: ",\n") + "\n" + indent + "}"
        case .array(let elements) where elements.contains { $0.object?.isEmpty == false || $0.array?.isEmpty == false }:
            return "[\n" + elements.map { inner + text($0, indent: inner) }.joined(separator: ",\n") + "\n" + indent + "]"
        default: return value.jsonText
        }
    }
}
