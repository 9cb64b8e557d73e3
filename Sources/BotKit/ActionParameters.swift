import Envelopes

/// Reads one action's parameters: each by name, with its type and limits; what nobody asked for is an error that names the nearest right one.
public struct ActionParameters: Sendable {
    private let path: String
    private let values: [String: JSONValue]
    private var known: Set<String> = []

    /// - Parameter index: the action's place in the file, from 0, for messages.
    public init(_ action: BotConfiguration.Action, index: Int) {
        path = "actions[\(index)].parameters"
        values = action.parameters.object ?? [:]
    }

    public mutating func string(_ name: String) throws(ConfigurationError) -> String? {
        guard let value = take(name) else { return nil }
        guard let text = value.string, !text.isEmpty else { throw error(name, "expected a text that is not empty") }
        return text
    }

    public mutating func requiredString(_ name: String) throws(ConfigurationError) -> String {
        guard let text = try string(name) else { throw error(name, "is missing") }
        return text
    }

    public mutating func bool(_ name: String, default standard: Bool) throws(ConfigurationError) -> Bool {
        guard let value = take(name) else { return standard }
        guard let value = value.bool else { throw error(name, "expected true or false") }
        return value
    }

    public mutating func integer(_ name: String, in range: ClosedRange<Int>) throws(ConfigurationError) -> Int? {
        guard let value = take(name) else { return nil }
        // `${env.PORT}` gives a text.
        guard let number = value.integer.map(Int.init) ?? value.string.flatMap({ Int($0) }), range.contains(number) else {
            throw error(name, "expected a whole number from \(range.lowerBound) to \(range.upperBound)")
        }
        return number
    }

    /// A number of seconds, fractions allowed.
    public mutating func seconds(_ name: String, in range: ClosedRange<Double>) throws(ConfigurationError) -> Duration? {
        guard let value = take(name) else { return nil }
        guard let number = value.number, range.contains(number) else {
            throw error(name, "expected a number of seconds from \(range.lowerBound) to \(range.upperBound)")
        }
        return .milliseconds(Int64(number * 1000))
    }

    public mutating func strings(_ name: String) throws(ConfigurationError) -> [String]? {
        guard let value = take(name) else { return nil }
        if let text = value.string, !text.isEmpty { return [text] }
        let texts = (value.array ?? []).compactMap(\.string)
        guard !texts.isEmpty, texts.count == value.array?.count else { throw error(name, "expected a list of texts") }
        return texts
    }

    public mutating func texts(_ name: String) throws(ConfigurationError) -> [String: String] {
        guard let value = take(name) else { return [:] }
        let texts = (value.object ?? [:]).compactMapValues(\.string)
        guard let members = value.object, texts.count == members.count else { throw error(name, "expected names with a text each") }
        return texts
    }

    /// A value whose form the caller judges.
    public mutating func value(_ name: String) -> JSONValue? { take(name) }

    /// A command: a list is run as it is; a text is run by `sh -c`.
    public mutating func command(_ name: String) throws(ConfigurationError) -> [String]? {
        if let text = values[name]?.string, !text.isEmpty {
            known.insert(name)
            return ["/bin/sh", "-c", text]
        }
        return try strings(name)
    }

    public mutating func choice<Choice: RawRepresentable & CaseIterable>(_ name: String, _: Choice.Type) throws(ConfigurationError)
        -> Choice?
    where Choice.RawValue == String {
        guard let text = try string(name) else { return nil }
        guard let choice = Choice(rawValue: text) else {
            throw error(name, "'\(text)' is not one of \(Choice.allCases.map(\.rawValue).joined(separator: ", "))")
        }
        return choice
    }

    /// Throws when the action has a parameter that was not asked for.
    public func finish() throws(ConfigurationError) {
        guard let stranger = values.keys.sorted().first(where: { !known.contains($0) }) else { return }
        let nearest = NearestName.of(stranger, in: known.sorted())
        throw error(
            stranger,
            "is no parameter of this action\(nearest.map { ", did you mean '\($0)'" } ?? "; known are \(known.sorted().joined(separator: ", "))")"
        )
    }

    public func error(_ name: String, _ message: String) -> ConfigurationError {
        ConfigurationError(path: "\(path).\(name)", message: message)
    }

    private mutating func take(_ name: String) -> JSONValue? {
        known.insert(name)
        guard let value = values[name], value != .null else { return nil }
        return value
    }
}
