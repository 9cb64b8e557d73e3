import Testing

@testable import Envelopes

@Suite struct JSONSchemaTests {
    private func pointers(_ schema: String, _ document: String) throws -> [String] {
        try JSONSchema(parsing: Array(schema.utf8)).validate(Array(document.utf8)).map(\.pointer)
    }

    @Test(arguments: [
        (#"{"type":"string"}"#, "1", [""]), (#"{"type":["string","null"]}"#, "null", []), (#"{"type":"integer"}"#, "1.0", []),
        (#"{"type":"integer"}"#, "1.5", [""]), (#"{"type":"number"}"#, "1", []), (#"{"enum":["a",1,null,[1],{"b":2}]}"#, "1.0", []),
        (#"{"enum":["a",1,null,[1],{"b":2}]}"#, "{\"b\":2}", []), (#"{"enum":["a",1,null,[1],{"b":2}]}"#, "[2]", [""]),
        (#"{"const":"x"}"#, "\"x\"", []),
        (#"{"minimum":1,"maximum":3}"#, "0", [""]), (#"{"minimum":1,"maximum":3}"#, "3", []), (#"{"exclusiveMinimum":1}"#, "1", [""]),
        (#"{"maximum":9007199254740992}"#, "9007199254740993", [""]), (#"{"minLength":2,"maxLength":3}"#, "\"日本\"", []),
        (#"{"minLength":2,"maxLength":3}"#, "\"日\"", [""]), (#"{"minLength":2,"maxLength":3}"#, "\"日本語語\"", [""]),
        (#"{"pattern":"^a+$"}"#, "\"ab\"", [""]),
        (#"{"format":"date-time"}"#, "\"2026-01-01T00:00:00Z\"", []), (#"{"format":"date-time"}"#, "\"yesterday\"", [""]),
        (#"{"format":"uuid"}"#, "\"6ba7b811-9dad-11d1-80b4-00c04fd430c8\"", []), (#"{"format":"uuid"}"#, "\"6ba7\"", [""]),
        (#"{"format":"uri"}"#, "\"file:///a\"", []), (#"{"format":"uri"}"#, "\"/a b\"", [""]),
        (#"{"items":{"type":"string"},"minItems":2}"#, "[1]", ["", "/0"]),
        (
            #"{"required":["a","b"],"properties":{"a":{"type":"string"}},"additionalProperties":false}"#, #"{"a":1,"c":2}"#,
            ["/a", "/c", "/b"]
        ),
        (#"{"additionalProperties":{"type":"number"}}"#, #"{"a/b":"x","c":1}"#, ["/a~1b"]),
        (#"{"minProperties":1,"maxProperties":1}"#, "{}", [""]),
        (#"{"properties":{"a":false}}"#, #"{"a":1}"#, ["/a"]),
        (
            ##"{"$ref":"#/$defs/n","$defs":{"n":{"type":"object","properties":{"n":{"$ref":"#/$defs/n"}},"required":["v"]}}}"##,
            #"{"v":1,"n":{"n":{"v":1}}}"#, ["/n/v"]
        ),
        ("true", "1", []), ("false", "1", [""]), (#"{"type":"object"}"#, "{", [""]),
    ])
    func checks(schema: String, document: String, expected: [String]) throws { #expect(try pointers(schema, document) == expected) }

    @Test(arguments: [
        ("[]", ""), (#"{"typ":"string"}"#, "/typ"), (#"{"type":"text"}"#, "/type"),
        (#"{"properties":{"a":{"oneOf":[]}}}"#, "/properties/a/oneOf"),
        (#"{"$ref":"http://example.com"}"#, "/$ref"), (##"{"$ref":"#/$defs/a","$defs":{"a":{"$ref":"#/$defs/a"}}}"##, ""),
        (#"{"minLength":-1}"#, "/minLength"),
        (#"{"pattern":"("}"#, "/pattern"), (#"{"format":"email"}"#, "/format"), (#"{"required":[1]}"#, "/required"),
        (#"{"enum":[]}"#, "/enum"), ("{", ""),
    ])
    func refusesWhatItDoesNotKnow(schema: String, place: String) {
        do throws(JSONSchemaError) {
            _ = try JSONSchema(parsing: Array(schema.utf8))
            Issue.record("\(schema) was read")
        } catch { #expect(error.pointer == place) }
    }

    @Test func messagesHoldNoValues() throws {
        let schema = try JSONSchema(
            parsing: Array(#"{"properties":{"token":{"type":"string","maxLength":3,"pattern":"^x","format":"uuid"}}}"#.utf8))
        let violations = schema.validate(Array(#"{"token":"hunter2"}"#.utf8))
        #expect(violations.count == 3)
        #expect(!violations.contains { $0.description.contains("hunter2") })
    }

    @Test func violationsAreBounded() throws {
        let schema = try JSONSchema(parsing: Array(#"{"items":{"type":"string"}}"#.utf8))
        #expect(schema.validate(.array(Array(repeating: .null, count: 1000))).count == SchemaViolation.maximumCount)
        let long = String(repeating: "n", count: 10_000)
        #expect(
            try JSONSchema(.object(["additionalProperties": .bool(false)])).validate(.object([long: .null])).allSatisfy {
                $0.pointer.count <= 200
            })
    }
}
