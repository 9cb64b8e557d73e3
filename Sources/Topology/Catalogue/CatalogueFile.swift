import BotKit
import Envelopes

/// One file of the catalogue: the defaults at its top, its topics, and its templates.
struct CatalogueFile {
    /// What a topic has when it does not say otherwise.
    private struct Defaults {
        var owner: String?
        var producers: [String] = []
        var partitions = 6
        var retention: Retention = .limited(.seconds(30 * 86_400))
    }

    /// How long records are kept.
    enum Retention: Equatable {
        case forever
        case limited(Duration)

        init?(_ text: String) {
            if text == "forever" {
                self = .forever
                return
            }
            guard let last = text.last, let unit = ["s": 1, "m": 60, "h": 3600, "d": 86_400][last], let count = Int64(text.dropLast()),
                (1...1_000_000).contains(count)
            else { return nil }
            self = .limited(.seconds(count * Int64(unit)))
        }

        var duration: Duration? { if case .limited(let duration) = self { duration } else { nil } }
    }

    private static let placeholder = "<bot>"
    private static let topicKeys = [
        "summary", "kind", "owner", "producers", "partitions", "retention", "cleanup", "max_bytes", "key", "version", "schema", "examples",
    ]
    private enum Audience: String, CaseIterable { case every, stateful }

    let domain: String
    let shared: SharedSchemas
    private(set) var problems: [YAMLError] = []
    private(set) var topics: [(EventDefinition, SourcePosition)] = []
    private(set) var templates: [EventCatalogue.BotTopic] = []

    init(domain: String, shared: SharedSchemas) {
        self.domain = domain
        self.shared = shared
    }

    mutating func read(_ root: YAMLNode) {
        var file = MappingReader(
            root, what: "a file of the catalogue", keys: ["owner", "producers", "partitions", "retention", "topics", "templates"])
        var defaults = Defaults()
        defaults.owner = file.string("owner")
        if let producers = file.strings("producers") { defaults.producers = producers }
        if let partitions = file.integer("partitions", in: 1...1000) { defaults.partitions = Int(partitions) }
        if let retention = file.retention() { defaults.retention = retention }
        problems += file.problems
        for pair in entries("topics", of: root) { topic(pair, defaults) }
        for pair in entries("templates", of: root) { template(pair, defaults) }
    }

    private mutating func entries(_ key: String, of root: YAMLNode) -> [YAMLPair] {
        guard let node = root[key] else { return [] }
        if node.pairs == nil { complain(node.position, "\(key) is \(node.kindDescription), expected a mapping of names to topics") }
        return node.pairs ?? []
    }

    private mutating func complain(_ position: SourcePosition, _ message: String) {
        problems.append(YAMLError(position: position, message: message))
    }

    private mutating func topic(_ pair: YAMLPair, _ defaults: Defaults) {
        let type = EventType(pair.key)
        if !type.isLegal {
            complain(pair.keyPosition, "'\(pair.key)' is no name that Kafka takes: 1 to 249 letters, digits, '.', '_', '-'")
        } else if type.domain != domain || type.name.utf8.count <= domain.utf8.count + 1 {
            complain(
                pair.keyPosition, "'\(pair.key)' belongs into \(type.domain).yaml: a file holds the topics of its own domain, '\(domain).…'"
            )
        }
        var reader = MappingReader(pair.value, what: "a topic", keys: Self.topicKeys)
        if let definition = definition(type, &reader, pair, defaults) { topics.append((definition, pair.keyPosition)) }
        problems += reader.problems
    }

    private mutating func template(_ pair: YAMLPair, _ defaults: Defaults) {
        var reader = MappingReader(pair.value, what: "a template", keys: Self.topicKeys.filter { $0 != "kind" && $0 != "schema" } + ["for"])
        defer { problems += reader.problems }
        guard pair.key.hasSuffix(Self.placeholder), pair.key.utf8.count > Self.placeholder.utf8.count else {
            complain(pair.keyPosition, "'\(pair.key)' has no place for the bot's name; a template ends in '\(Self.placeholder)'")
            return
        }
        let audience = reader.choice("for", Audience.self) ?? .every
        guard var definition = definition(EventType(pair.key), &reader, pair, defaults) else { return }
        definition.kind = .internal
        let prefix = String(pair.key.dropLast(Self.placeholder.count))
        templates.append(EventCatalogue.BotTopic(prefix: prefix, isForStatefulOnly: audience == .stateful, definition: definition))
    }

    private mutating func definition(
        _ type: EventType, _ reader: inout MappingReader, _ pair: YAMLPair, _ defaults: Defaults
    ) -> EventDefinition? {
        let kind = reader.choice("kind", EventDefinition.Kind.self) ?? .event
        let owner = reader.string("owner") ?? defaults.owner
        for key in ["summary", "key"] where reader[key] == nil {
            reader.complain(pair.keyPosition, "\(pair.key) has no \(key)")
        }
        if owner == nil { reader.complain(pair.keyPosition, "\(pair.key) has no owner, and the file names none") }
        let cleanup = reader.choice("cleanup", EventDefinition.Cleanup.self) ?? .delete
        let retention = reader.retention() ?? (cleanup == .compact ? .forever : defaults.retention)
        if cleanup == .compact, let position = reader["retention"]?.position {
            reader.complain(
                position, "retention has no effect on a topic that is only compacted; say 'cleanup: compact,delete' or leave it out")
        }
        var definition = EventDefinition(
            type: type, kind: kind, summary: reader.string("summary") ?? "", owner: owner ?? "",
            producers: reader.strings("producers") ?? defaults.producers,
            partitions: reader.integer("partitions", in: 1...1000).map { Int($0) } ?? defaults.partitions, retention: retention.duration,
            cleanup: cleanup, maximumBytes: reader.bytes() ?? 1 << 20, key: reader.string("key") ?? "",
            version: reader.integer("version", in: 1...10_000).map { Int($0) } ?? 1)
        if let node = reader["schema"] {
            var schema = SchemaReader(shared: shared)
            definition.schema = schema.read(node)
            definition.fields = node["properties"]?.pairs?.map(\.key) ?? []
            problems += schema.problems
            if kind != .internal { checkKey(definition, &reader, pair) }
        }
        definition.examples = examples(&reader, pair)
        return owner == nil ? nil : definition
    }

    /// The key of an event with a schema is made of fields that the payload has.
    private func checkKey(_ definition: EventDefinition, _ reader: inout MappingReader, _ pair: YAMLPair) {
        for field in definition.key.split(separator: "/").map(String.init) where !definition.fields.contains(field) {
            let nearest = NearestName.of(field, in: definition.fields).map { "; did you mean '\($0)'?" } ?? ""
            reader.complain(reader["key"]?.position ?? pair.keyPosition, "key: the payload has no field '\(field)'\(nearest)")
        }
    }

    private mutating func examples(_ reader: inout MappingReader, _ pair: YAMLPair) -> [EventDefinition.Example] {
        guard let node = reader["examples"] else {
            if reader["schema"] != nil { reader.complain(pair.keyPosition, "\(pair.key) has a schema but no example") }
            return []
        }
        guard let items = node.sequence, !items.isEmpty else {
            reader.complain(node.position, "examples is \(node.kindDescription), expected a list with at least one example")
            return []
        }
        return items.compactMap { item in
            var example = MappingReader(item, what: "an example", keys: ["name", "older", "payload"])
            let name = example.string("name")
            let isOlder = example.bool("older") ?? false
            let payload = example["payload"]
            if name == nil || payload?.pairs == nil {
                example.complain(item.position, "an example needs a name and a payload, which is a mapping")
            }
            problems += example.problems
            guard let name, let payload else { return nil }
            return EventDefinition.Example(name: name, payload: payload.json, isOlder: isOlder)
        }
    }
}

extension MappingReader {
    fileprivate mutating func retention() -> CatalogueFile.Retention? {
        parsed("retention", form: "a number and s, m, h or d, e.g. 30d, or 'forever'", CatalogueFile.Retention.init)
    }

    fileprivate mutating func bytes() -> Int? {
        parsed("max_bytes", form: "a size from 1KiB to 64MiB, e.g. 1MiB") { text in
            for (unit, factor) in [("KiB", 1 << 10), ("MiB", 1 << 20)] where text.hasSuffix(unit) {
                guard let count = Int(text.dropLast(3)), count > 0, count <= (64 << 20) / factor else { return nil }
                return count * factor
            }
            return nil
        }
    }
}
