/// A JSON Schema (draft 2020-12, the part that `topics/` uses), compiled when it is read.
///
/// Keywords: type, enum, const, minimum, maximum, exclusiveMinimum, exclusiveMaximum, minLength, maxLength, pattern, format (date-time, uuid, uri), items,
/// minItems, maxItems, properties, required, additionalProperties, minProperties, maxProperties, `$ref` to `#` or `#/$defs/NAME`. Read and without effect:
/// `$schema`, `$id`, `$defs`, `$comment`, title, description, default, examples, deprecated, and names that begin with `x-`. Any other keyword is an error.
public struct JSONSchema: Sendable, Equatable {
    /// In one place, so that a copy counts one reference.
    private let compiled: Compiled

    private final class Compiled: Sendable {
        let source: JSONValue
        let program: SchemaProgram

        init(_ source: JSONValue, _ program: SchemaProgram) {
            self.source = source
            self.program = program
        }
    }

    /// As it was read.
    public var source: JSONValue { compiled.source }

    public init(_ source: JSONValue) throws(JSONSchemaError) {
        var compiler = SchemaCompiler(root: source)
        compiled = Compiled(source, try compiler.compile())
    }

    /// Reads the schema from JSON text.
    public init(parsing text: [UInt8]) throws(JSONSchemaError) {
        let value: JSONValue
        do {
            value = try JSONValue.parse(text)
        } catch {
            throw JSONSchemaError(pointer: "", message: error.message)
        }
        try self.init(value)
    }

    /// What in `text` does not fit, in the order of the text, at most `SchemaViolation.maximumCount`; empty when all fits. Text that is not JSON is one violation.
    public func validate(_ text: [UInt8]) -> [SchemaViolation] {
        let parser = JSONParser.take()
        defer { JSONParser.giveBack(parser) }
        do throws(JSONError) {
            return violations(in: try parser.root(of: text))
        } catch {
            return [SchemaViolation(pointer: "", message: error.message)]
        }
    }

    public func validate(_ value: JSONValue) -> [SchemaViolation] { validate(value.bytes) }

    func violations(in element: JSONElement) -> [SchemaViolation] { SchemaRun.judge(element, by: compiled.program) }

    public static func == (left: JSONSchema, right: JSONSchema) -> Bool { left.compiled === right.compiled || left.source == right.source }
}

/// One place of a document that does not fit its schema.
public struct SchemaViolation: Sendable, Equatable, CustomStringConvertible {
    /// No document gives more of them.
    public static let maximumCount = 16
    /// A pointer is cut to this many characters.
    public static let maximumPointerLength = 200

    /// Where in the document (RFC 6901); empty for the whole of it.
    public let pointer: String
    /// What was expected there; never a value of the document.
    public let message: String

    public init(pointer: String, message: String) {
        self.pointer = pointer
        self.message = message
    }

    public var description: String { "\(pointer.isEmpty ? "/" : pointer): \(message)" }
}

/// A schema that cannot be used.
public struct JSONSchemaError: Error, Sendable, Equatable, CustomStringConvertible {
    /// Where in the schema (RFC 6901).
    public let pointer: String
    public let message: String

    public init(pointer: String, message: String) {
        self.pointer = pointer
        self.message = message
    }

    public var description: String { "\(pointer.isEmpty ? "/" : pointer): \(message)" }
}

/// Appends one reference token to a JSON pointer (RFC 6901).
func pointer(_ parent: String, _ token: String) -> String {
    guard token.utf8.contains(where: { $0 == UInt8(ascii: "~") || $0 == UInt8(ascii: "/") }) else { return parent + "/" + token }
    var escaped = ""
    for scalar in token.unicodeScalars {
        switch scalar {
        case "~": escaped += "~0"
        case "/": escaped += "~1"
        default: escaped.unicodeScalars.append(scalar)
        }
    }
    return parent + "/" + escaped
}
