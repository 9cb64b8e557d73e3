/// The type of a configuration value, with the numbers of DescribeConfigs.
enum SettingType: Int8, Sendable {
    case boolean = 1
    case string = 2
    case int = 3
    case short = 4
    case long = 5
    case double = 6
    case list = 7

    /// As Kafka's documentation and error texts spell it.
    var name: String { String(describing: self).uppercased() }
}

/// Why a configuration cannot be what was asked for.
struct SettingError: Error, Sendable, Equatable, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }

    init(_ value: String, of name: String, _ reason: String) {
        self.init("Invalid value \(value) for configuration \(name): \(reason)")
    }
}

/// One key of a configuration: how its text is read and checked, and where in `Root` it is kept.
///
/// Names, types, ranges and the wording of refusals are Kafka's: https://kafka.apache.org/documentation/#configuration
struct Setting<Root: Sendable>: Sendable {
    let name: String
    let type: SettingType
    /// The values that are taken, in words; empty when any is.
    let valid: String
    let documentation: String
    let read: @Sendable (Root) -> String
    let write: @Sendable (inout Root, String) throws(SettingError) -> Void

    /// A whole number.
    static func number<Value: FixedWidthInteger & Sendable>(
        _ name: String, _ path: WritableKeyPath<Root, Value> & Sendable, _ range: ClosedRange<Value>, _ documentation: String
    ) -> Setting {
        let type: SettingType = Value.bitWidth == 64 ? .long : Value.bitWidth == 32 ? .int : .short
        return Setting(
            name: name, type: type, valid: words(range), documentation: documentation, read: { String($0[keyPath: path]) },
            write: { (root, text) throws(SettingError) in
                guard let value = Value(text) else { throw SettingError(text, of: name, "Not a number of type \(type.name)") }
                guard value >= range.lowerBound else { throw SettingError(text, of: name, "Value must be at least \(range.lowerBound)") }
                guard value <= range.upperBound else {
                    throw SettingError(text, of: name, "Value must be no more than \(range.upperBound)")
                }
                root[keyPath: path] = value
            })
    }

    /// A whole number of some unit, kept in milliseconds; -1, where it is allowed, has no unit.
    static func scaled(
        _ name: String, _ path: WritableKeyPath<Root, Int64> & Sendable, _ unit: Int64, _ range: ClosedRange<Int32>, _ documentation: String
    ) -> Setting {
        return Setting(
            name: name, type: .int, valid: words(range), documentation: documentation,
            read: { root in
                let value = root[keyPath: path]
                return String(value == -1 ? -1 : value / unit)
            },
            write: { (root, text) throws(SettingError) in
                var box = Box()
                try Setting<Box>.number(name, \.value, range, documentation).write(&box, text)
                root[keyPath: path] = box.value == -1 ? -1 : Int64(box.value) * unit
            })
    }

    static func fraction(_ name: String, _ path: WritableKeyPath<Root, Double> & Sendable, _ documentation: String) -> Setting {
        Setting(
            name: name, type: .double, valid: "0 to 1", documentation: documentation, read: { String($0[keyPath: path]) },
            write: { (root, text) throws(SettingError) in
                guard let value = Double(text), !value.isNaN else { throw SettingError(text, of: name, "Not a number of type DOUBLE") }
                guard value >= 0 else { throw SettingError(text, of: name, "Value must be at least 0") }
                guard value <= 1 else { throw SettingError(text, of: name, "Value must be no more than 1") }
                root[keyPath: path] = value
            })
    }

    static func flag(_ name: String, _ path: WritableKeyPath<Root, Bool> & Sendable, _ documentation: String) -> Setting {
        Setting(
            name: name, type: .boolean, valid: "true or false", documentation: documentation, read: { String($0[keyPath: path]) },
            write: { (root, text) throws(SettingError) in
                guard let value = Bool(text.lowercased()) else {
                    throw SettingError(text, of: name, "Expected value to be either true or false")
                }
                root[keyPath: path] = value
            })
    }

    /// One of a few words.
    static func choice<Value: RawRepresentable & CaseIterable & Sendable>(
        _ name: String, _ path: WritableKeyPath<Root, Value> & Sendable, _ documentation: String
    ) -> Setting where Value.RawValue == String {
        let words = Value.allCases.map(\.rawValue).joined(separator: ", ")
        return Setting(
            name: name, type: .string, valid: "one of \(words)", documentation: documentation, read: { $0[keyPath: path].rawValue },
            write: { (root, text) throws(SettingError) in
                guard let value = Value(rawValue: text) else { throw SettingError(text, of: name, "String must be one of: \(words)") }
                root[keyPath: path] = value
            })
    }

    /// Words with commas between.
    /// - Parameter allowed: empty when any word will do.
    static func list(
        _ name: String, _ path: WritableKeyPath<Root, [String]> & Sendable, allowed: [String] = [], separator: Character = ",",
        _ documentation: String
    ) -> Setting {
        Setting(
            name: name, type: .list, valid: allowed.isEmpty ? "" : "any of \(allowed.joined(separator: ", "))",
            documentation: documentation,
            read: { $0[keyPath: path].joined(separator: String(separator)) },
            write: { (root, text) throws(SettingError) in
                let words = SettingText.words(text, separator: separator)
                if !allowed.isEmpty, let wrong = words.first(where: { !allowed.contains($0) }) {
                    throw SettingError(wrong, of: name, "String must be one of: \(allowed.joined(separator: ", "))")
                }
                root[keyPath: path] = words
            })
    }

    /// A key of Kafka that has one meaning only on this broker: any other value is refused rather than ignored.
    static func fixed(_ name: String, _ type: SettingType, _ only: String, _ documentation: String) -> Setting {
        Setting(
            name: name, type: type, valid: "\(only) only", documentation: documentation, read: { _ in only },
            write: { (_, text) throws(SettingError) in
                guard text.lowercased() == only.lowercased() else {
                    throw SettingError(text, of: name, "This broker supports \(only) only. \(documentation)")
                }
            })
    }

    /// The address of a listener: `host:port`, with or without the protocol in front of it.
    static func endpoint(_ name: String, _ path: WritableKeyPath<Root, BrokerEndpoint?> & Sendable, _ documentation: String) -> Setting {
        Setting(
            name: name, type: .string, valid: "host:port", documentation: documentation,
            read: { root in root[keyPath: path].map { "\($0.host):\($0.port)" } ?? "" },
            write: { (root, text) throws(SettingError) in
                guard let endpoint = BrokerEndpoint(text) else { throw SettingError(text, of: name, "Write one address, as host:port") }
                root[keyPath: path] = endpoint
            })
    }

    private static func words<Value: FixedWidthInteger>(_ range: ClosedRange<Value>) -> String {
        switch (range.lowerBound == .min, range.upperBound == .max) {
        case (true, true): ""
        case (false, true): "at least \(range.lowerBound)"
        case (true, false): "at most \(range.upperBound)"
        case (false, false): "\(range.lowerBound) to \(range.upperBound)"
        }
    }
}

/// Holds a number while it is checked.
private struct Box {
    var value: Int32 = 0
}

/// What settings share of reading text.
enum SettingText {
    static func trimmed(_ text: some StringProtocol) -> String {
        let start = text.firstIndex { !$0.isWhitespace } ?? text.endIndex
        let end = text.lastIndex { !$0.isWhitespace }.map { text.index(after: $0) } ?? start
        return String(text[start..<max(start, end)])
    }

    /// The words of a list, without those that are empty.
    static func words(_ text: String, separator: Character = ",") -> [String] {
        text.split(separator: separator).map { trimmed($0) }.filter { !$0.isEmpty }
    }
}
