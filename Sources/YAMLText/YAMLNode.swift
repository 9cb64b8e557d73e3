import Envelopes

/// One node of a YAML document, with the place where it stands.
public struct YAMLNode: Sendable, Equatable {
    public enum Content: Sendable, Equatable {
        case scalar(YAMLScalar)
        case sequence([YAMLNode])
        /// The pairs in the order of the file; no two keys are equal.
        case mapping([YAMLPair])
    }

    public var content: Content
    public var position: SourcePosition

    public init(_ content: Content, at position: SourcePosition) {
        self.content = content
        self.position = position
    }
}

/// A key of a mapping and its value.
public struct YAMLPair: Sendable, Equatable {
    public var key: String
    /// Where the key stands; `value.position` is where the value does.
    public var keyPosition: SourcePosition
    public var value: YAMLNode

    public init(key: String, keyPosition: SourcePosition, value: YAMLNode) {
        self.key = key
        self.keyPosition = keyPosition
        self.value = value
    }
}

/// A place in a file. Lines and columns count from 1; a column is a Unicode scalar.
public struct SourcePosition: Sendable, Hashable, Comparable, CustomStringConvertible {
    public let file: String
    public let line: Int
    public let column: Int

    public init(file: String, line: Int, column: Int) {
        self.file = file
        self.line = line
        self.column = column
    }

    public var description: String { "\(file):\(line):\(column)" }

    public static func < (left: SourcePosition, right: SourcePosition) -> Bool {
        (left.file, left.line, left.column) < (right.file, right.line, right.column)
    }
}

/// What is wrong with a YAML text, and where.
public struct YAMLError: Error, Sendable, Equatable, CustomStringConvertible {
    public let position: SourcePosition
    public let message: String

    public init(position: SourcePosition, message: String) {
        self.position = position
        self.message = message
    }

    public var description: String { "\(position): \(message)" }
}

extension YAMLNode {
    /// The value under `key`; nil for a missing key and for anything that is not a mapping.
    public subscript(_ key: String) -> YAMLNode? { pairs?.first { $0.key == key }?.value }

    public var pairs: [YAMLPair]? { if case .mapping(let pairs) = content { pairs } else { nil } }
    public var sequence: [YAMLNode]? { if case .sequence(let nodes) = content { nodes } else { nil } }
    public var scalar: YAMLScalar? { if case .scalar(let scalar) = content { scalar } else { nil } }

    /// The text of a scalar that is a string; nil for numbers, booleans and null, which are no strings unless quoted.
    public var string: String? { if case .string(let text)? = scalar?.value { text } else { nil } }
    public var integer: Int64? { if case .integer(let value)? = scalar?.value { value } else { nil } }
    public var bool: Bool? { if case .bool(let value)? = scalar?.value { value } else { nil } }
    public var number: Double? {
        switch scalar?.value {
        case .integer(let value)?: Double(value)
        case .double(let value)?: value
        default: nil
        }
    }
    public var isNull: Bool { scalar?.value == .null }

    /// The same value without its places.
    public var json: JSONValue {
        switch content {
        case .scalar(let scalar): scalar.json
        case .sequence(let nodes): .array(nodes.map(\.json))
        case .mapping(let pairs): .object(Dictionary(pairs.map { ($0.key, $0.value.json) }, uniquingKeysWith: { first, _ in first }))
        }
    }

    /// What the node is, for messages: `a list`, `the number 5` …
    public var kindDescription: String {
        switch content {
        case .sequence: return "a list"
        case .mapping: return "a mapping"
        case .scalar(let scalar):
            switch scalar.value {
            case .null: return "null"
            case .bool(let value): return "the boolean \(value)"
            case .integer(let value): return "the number \(value)"
            case .double(let value): return "the number \(value)"
            case .string: return "a string"
            }
        }
    }
}
