import BotKit
import Envelopes

/// The parts that schemas share: the `$defs` of `shared.yaml`.
struct SharedSchemas {
    private(set) var definitions: [String: JSONValue] = [:]
    /// To which others each refers.
    private var references: [String: [String]] = [:]

    var names: [String] { definitions.keys.sorted() }

    init() {}

    init(_ root: YAMLNode, _ problems: inout [YAMLError]) {
        let reader = MappingReader(root, what: "shared.yaml", keys: ["$defs"])
        problems += reader.problems
        let pairs = root["$defs"]?.pairs ?? []
        for pair in pairs { definitions[pair.key] = pair.value.json }
        for pair in pairs {
            var schema = SchemaReader(shared: self)
            schema.check(pair.value)
            references[pair.key] = schema.references
            problems += schema.problems
        }
    }

    /// `names` and all that they refer to, directly or not.
    func closure(of names: [String]) -> [String: JSONValue] {
        var result: [String: JSONValue] = [:]
        var open = names
        while let name = open.popLast() {
            guard result[name] == nil else { continue }
            result[name] = definitions[name]
            open += references[name] ?? []
        }
        return result
    }
}

/// Checks one JSON Schema of the catalogue: known keywords of the right kind, references that lead somewhere, and a limit on everything that can grow.
struct SchemaReader {
    private static let keywords = [
        "type", "description", "required", "properties", "additionalProperties", "enum", "const", "minimum", "maximum", "minLength",
        "maxLength",
        "pattern", "items", "minItems", "maxItems", "maxProperties", "format", "$ref",
    ]
    private static let types = ["object", "array", "string", "integer", "number", "boolean", "null"]
    private static let referencePrefix = "#/$defs/"

    let shared: SharedSchemas
    private(set) var problems: [YAMLError] = []
    /// The shared parts that it names.
    private(set) var references: [String] = []

    init(shared: SharedSchemas) { self.shared = shared }

    /// The schema as a document that stands for itself, compiled.
    mutating func read(_ node: YAMLNode) -> JSONSchema? {
        if node["type"]?.string != "object" { complain(node.position, "a payload is an object: the schema needs 'type: object'") }
        check(node)
        guard problems.isEmpty, var members = node.json.object else { return nil }
        members["$schema"] = .string("https://json-schema.org/draft/2020-12/schema")
        let definitions = shared.closure(of: references)
        if !definitions.isEmpty { members["$defs"] = .object(definitions) }
        do throws(JSONSchemaError) {
            return try JSONSchema(.object(members))
        } catch {
            complain(node.position, "the schema cannot be used: \(error)")
            return nil
        }
    }

    mutating func check(_ node: YAMLNode) {
        guard let pairs = node.pairs else { return complain(node.position, "a schema is \(node.kindDescription), expected a mapping") }
        for pair in pairs { checkKeyword(pair) }
        if let reference = node["$ref"] { return checkReference(reference) }
        guard let type = node["type"], let name = type.string, Self.types.contains(name) else {
            let position = node["type"]?.position ?? node.position
            return complain(position, "a schema needs a type: one of \(Self.types.joined(separator: ", "))")
        }
        let isFixed = node["enum"] != nil || node["const"] != nil
        if name == "string", !isFixed, node["maxLength"] == nil { complain(node.position, "a string needs maxLength, enum or const") }
        if name == "array", !isFixed, node["maxItems"] == nil { complain(node.position, "an array needs maxItems") }
        if name == "array", node["items"] == nil { complain(node.position, "an array needs items") }
        let properties = node["properties"]?.pairs?.map(\.key) ?? []
        for name in node["required"]?.sequence ?? [] where !properties.contains(name.string ?? "") {
            let nearest = name.string.flatMap { NearestName.of($0, in: properties) }.map { "; did you mean '\($0)'?" } ?? ""
            complain(name.position, "required names '\(name.string ?? "?")', which is no property\(nearest)")
        }
    }

    private mutating func checkKeyword(_ pair: YAMLPair) {
        let value = pair.value
        let isRight: Bool
        switch pair.key {
        case "type", "description", "pattern", "format", "$ref": isRight = value.string != nil
        case "minLength", "maxLength", "minItems", "maxItems", "maxProperties": isRight = value.integer.map { $0 >= 0 } ?? false
        case "minimum", "maximum": isRight = value.number != nil
        case "enum": isRight = value.sequence?.isEmpty == false
        case "const": isRight = true
        case "required": isRight = value.sequence?.allSatisfy { $0.string != nil } ?? false
        case "properties":
            isRight = value.pairs != nil
            for property in value.pairs ?? [] { check(property.value) }
        case "items":
            isRight = true
            check(value)
        case "additionalProperties":
            isRight = true
            if value.bool == nil { check(value) }
        default:
            let nearest = NearestName.of(pair.key, in: Self.keywords).map { "; did you mean '\($0)'?" } ?? ""
            return complain(pair.keyPosition, "a schema of the catalogue has no keyword '\(pair.key)'\(nearest)")
        }
        if !isRight { complain(value.position, "\(pair.key) is \(value.kindDescription), which it cannot be") }
    }

    private mutating func checkReference(_ node: YAMLNode) {
        guard let text = node.string else { return }
        let name = text.hasPrefix(Self.referencePrefix) ? String(text.dropFirst(Self.referencePrefix.count)) : text
        guard text.hasPrefix(Self.referencePrefix), shared.definitions[name] != nil else {
            let nearest = NearestName.of(name, in: shared.names).map { "; did you mean '\(Self.referencePrefix)\($0)'?" } ?? ""
            return complain(node.position, "'\(text)' leads nowhere: shared.yaml has no such entry under $defs\(nearest)")
        }
        references.append(name)
    }

    private mutating func complain(_ position: SourcePosition, _ message: String) {
        problems.append(YAMLError(position: position, message: message))
    }
}
