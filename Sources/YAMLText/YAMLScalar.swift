import Envelopes

/// A scalar: its text, how it was written, and what it means.
public struct YAMLScalar: Sendable, Equatable {
    public enum Style: Sendable, Equatable { case plain, singleQuoted, doubleQuoted, literal, folded }
    public enum Value: Sendable, Equatable {
        case null
        case bool(Bool)
        case integer(Int64)
        case double(Double)
        case string(String)
    }

    /// The text after unquoting and folding.
    public let text: String
    public let style: Style
    /// The tag as it was written out in full, e.g. `tag:yaml.org,2002:str`; nil when there was none.
    public let tag: String?
    public let value: Value

    public init(text: String, style: Style, tag: String?, value: Value) {
        self.text = text
        self.style = style
        self.tag = tag
        self.value = value
    }

    public var json: JSONValue {
        switch value {
        case .null: .null
        case .bool(let value): .bool(value)
        case .integer(let value): .integer(value)
        case .double(let value): .double(value)
        case .string(let value): .string(value)
        }
    }
}

extension YAMLScalar.Value {
    /// What a plain scalar means under the core schema (YAML 1.2.2, section 10.3.2). nil: a number that JSON cannot hold (`.inf`, `.nan`, `1e999`).
    public static func resolve(plain text: String) -> Self? {
        switch text {
        case "", "~", "null", "Null", "NULL": return .null
        case "true", "True", "TRUE": return .bool(true)
        case "false", "False", "FALSE": return .bool(false)
        case ".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF", "-.inf", "-.Inf", "-.INF", ".nan", ".NaN", ".NAN": return nil
        default: break
        }
        guard let first = text.utf8.first, (0x30...0x39).contains(first) || first == 0x2B || first == 0x2D || first == 0x2E else {
            return .string(text)
        }
        if text.hasPrefix("0x"), text.utf8.count > 2, text.utf8.dropFirst(2).allSatisfy(isHexadecimal) {
            return Int64(text.dropFirst(2), radix: 16).map { .integer($0) } ?? nil
        }
        if text.hasPrefix("0o"), text.utf8.count > 2, text.utf8.dropFirst(2).allSatisfy({ (0x30...0x37).contains($0) }) {
            return Int64(text.dropFirst(2), radix: 8).map { .integer($0) } ?? nil
        }
        guard let isWhole = isDecimal(text) else { return .string(text) }
        if isWhole, let value = Int64(text) { return .integer(value) }
        guard let value = Double(text), value.isFinite else { return nil }
        return .double(value)
    }

    private static func isHexadecimal(_ byte: UInt8) -> Bool {
        (0x30...0x39).contains(byte) || (0x41...0x46).contains(byte) || (0x61...0x66).contains(byte)
    }

    /// Whether `text` is `[-+]? ( \. [0-9]+ | [0-9]+ ( \. [0-9]* )? ) ( [eE] [-+]? [0-9]+ )?`: nil when not, true when it has neither point nor exponent.
    private static func isDecimal(_ text: String) -> Bool? {
        var rest = text.utf8[...]
        func digits() -> Int {
            let run = rest.prefix { (0x30...0x39).contains($0) }
            rest = rest.dropFirst(run.count)
            return run.count
        }
        if rest.first == 0x2B || rest.first == 0x2D { rest = rest.dropFirst() }
        let whole = digits()
        var isWhole = true
        if rest.first == 0x2E {
            rest = rest.dropFirst()
            isWhole = false
            if digits() == 0 && whole == 0 { return nil }
        } else if whole == 0 {
            return nil
        }
        if rest.first == 0x65 || rest.first == 0x45 {
            rest = rest.dropFirst()
            isWhole = false
            if rest.first == 0x2B || rest.first == 0x2D { rest = rest.dropFirst() }
            if digits() == 0 { return nil }
        }
        return rest.isEmpty ? isWhole : nil
    }
}
