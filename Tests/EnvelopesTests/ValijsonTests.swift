import CValijson
import MeshTesting
import Testing

@testable import Envelopes

/// Random schemas and documents: ours must judge as valijson does.
@Suite struct ValijsonTests {
    @Test func judgesAsValijsonDoes() throws {
        try #require(cvj_is_available() == 1, "libvalijson-dev is not installed: deploy/bootstrap.sh --test")
        var generator = SchemaGenerator(random: SeededGenerator(seed: 21))
        var verdicts = (fits: 0, refused: 0)
        for _ in 0..<400 {
            let source = generator.schema(depth: 3)
            let text = source.jsonText
            let ours = try JSONSchema(source)
            let theirs = try #require(cvj_schema_new(text, text.utf8.count), "valijson does not read \(text)")
            defer { cvj_schema_free(theirs) }
            for _ in 0..<20 {
                let document = generator.document(for: source, depth: 4).jsonText
                let fits = ours.validate(Array(document.utf8)).isEmpty
                let expected = cvj_validate(theirs, document, document.utf8.count)
                #expect(fits == (expected == 1), "schema \(text), document \(document), valijson says \(expected)")
                if fits { verdicts.fits += 1 } else { verdicts.refused += 1 }
            }
        }
        // Else the generator would prove nothing.
        #expect(verdicts.fits > 1000 && verdicts.refused > 1000, "\(verdicts)")
    }

    @Test func noSchemaCrashesTheCompiler() {
        var generator = SchemaGenerator(random: SeededGenerator(seed: 22))
        var legal = 0
        for _ in 0..<4000 {
            let bytes = generator.random.mutated(generator.schema(depth: 2).bytes)
            do throws(JSONSchemaError) {
                let schema = try JSONSchema(parsing: bytes)
                legal += 1
                _ = schema.validate(generator.random.json().bytes)
            } catch { #expect(!error.message.isEmpty) }
        }
        #expect(legal > 20)
    }
}

/// Draws schemas from the keywords on which the two agree by definition. To valijson `$ref` hides its siblings (draft 7), 1.0 is no integer, and a pattern is of bytes.
private struct SchemaGenerator {
    var random: SeededGenerator

    private static let names = ["a", "b", "cc", "name", "names"]
    private static let texts = ["", "a", "ab", "abc", "日本", "0f", "main", "release/1"]

    private mutating func chance(_ percent: Int) -> Bool { Int.random(in: 0..<100, using: &random) < percent }
    private mutating func pick<Element>(_ elements: [Element]) -> Element { elements[Int.random(in: 0..<elements.count, using: &random)] }

    mutating func schema(depth: Int) -> JSONValue {
        var members: [String: JSONValue] = [:]
        let type = pick(
            depth > 0
                ? ["object", "object", "array", "string", "integer", "number", "boolean", "null"]
                : ["string", "integer", "number", "boolean"])
        if chance(80) { members["type"] = chance(15) ? .array([.string(type), .string("null")]) : .string(type) }
        if chance(10) { members["enum"] = .array([.string("a"), .integer(1), .null, .bool(true), .string(pick(Self.texts))]) }
        if chance(5) { members["const"] = .string("a") }
        switch type {
        case "object": object(&members, depth: depth)
        case "array":
            if chance(80) { members["items"] = schema(depth: depth - 1) }
            if chance(30) { members["minItems"] = .integer(Int64.random(in: 0...2, using: &random)) }
            if chance(30) { members["maxItems"] = .integer(Int64.random(in: 1...3, using: &random)) }
        case "string":
            if chance(30) { members["minLength"] = .integer(Int64.random(in: 0...2, using: &random)) }
            if chance(30) { members["maxLength"] = .integer(Int64.random(in: 1...4, using: &random)) }
            if chance(30) {
                members["pattern"] = .string(pick(["^[0-9a-f]+$", "a", "^(a|ab)*$", "^[a-z]+/[0-9]$", "b$", "^[a-z]{1,4}$"]))
            }
        case "integer", "number":
            if chance(40) { members["minimum"] = .integer(Int64.random(in: -2...2, using: &random)) }
            if chance(40) { members["maximum"] = .double(Double.random(in: -1...3, using: &random)) }
            if chance(10) { members["exclusiveMinimum"] = .integer(0) }
            if chance(10) { members["exclusiveMaximum"] = .integer(2) }
        default: break
        }
        if depth == 3, chance(50) { members["$defs"] = .object(["part": schema(depth: 1)]) }
        return .object(members)
    }

    private mutating func object(_ members: inout [String: JSONValue], depth: Int) {
        var properties: [String: JSONValue] = [:]
        for name in Self.names where chance(50) { properties[name] = schema(depth: depth - 1) }
        members["properties"] = .object(properties)
        if chance(60) { members["required"] = .array(Self.names.filter { _ in chance(30) }.map { .string($0) }) }
        if chance(40) { members["additionalProperties"] = chance(60) ? .bool(false) : schema(depth: 0) }
        if chance(10) { members["minProperties"] = .integer(1) }
        if chance(10) { members["maxProperties"] = .integer(3) }
    }

    /// Mostly what the schema asks for, sometimes anything.
    mutating func document(for schema: JSONValue, depth: Int) -> JSONValue {
        if depth == 0 || chance(6) { return anything(depth: 2) }
        if let values = schema["enum"]?.array, chance(80) { return pick(values) }
        switch schema["type"]?.string ?? schema["type"]?.array?.first?.string {
        case "object":
            var members: [String: JSONValue] = [:]
            for (name, inner) in (schema["properties"]?.object ?? [:]).sorted(by: { $0.key < $1.key }) where chance(80) {
                members[name] = document(for: inner, depth: depth - 1)
            }
            if chance(15) { members[pick(Self.names)] = anything(depth: 1) }
            return .object(members)
        case "array":
            return .array(
                (0..<Int.random(in: 0...3, using: &random)).map { _ in document(for: schema["items"] ?? .object([:]), depth: depth - 1) })
        case "string": return .string(pick(Self.texts))
        case "integer": return .integer(Int64.random(in: -3...3, using: &random))
        case "number":
            return chance(50) ? .integer(Int64.random(in: -3...3, using: &random)) : .double(Double.random(in: -3...3, using: &random))
        case "boolean": return .bool(chance(50))
        case "null": return .null
        default: return anything(depth: 2)
        }
    }

    private mutating func anything(depth: Int) -> JSONValue {
        switch Int.random(in: 0..<(depth > 0 ? 8 : 6), using: &random) {
        case 0: return .null
        case 1: return .bool(true)
        case 2: return .integer(Int64.random(in: -3...3, using: &random))
        case 3: return .double(Double.random(in: -3...3, using: &random))
        case 4, 5: return .string(pick(Self.texts))
        case 6: return .array([anything(depth: depth - 1)])
        default: return .object([pick(Self.names): anything(depth: depth - 1)])
        }
    }
}
