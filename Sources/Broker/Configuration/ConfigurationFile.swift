/// All that is wrong with a configuration file.
public struct ConfigurationError: Error, Sendable, Equatable, CustomStringConvertible {
    /// A line each: file, line, what is wrong, what to do.
    public let problems: [String]
    public var description: String { problems.joined(separator: "\n") }
}

extension BrokerConfiguration {
    private static let maximumFileBytes = 1 << 20

    /// Reads a file of lines `key=value`, as Kafka's `server.properties`; `#` begins a comment.
    /// - Throws: all problems together. Nothing of the file holds then.
    public init(path: String) throws(ConfigurationError) {
        let text = String(decoding: try TextFile.read(path, maximumBytes: Self.maximumFileBytes), as: UTF8.self)
        try self.init(text: text, file: path)
    }

    /// The same for what stands in the file.
    public init(text: String, file: String) throws(ConfigurationError) {
        self.init()
        var reader = PropertiesReader(file: file)
        reader.read(text)
        var checked = self
        for (name, value) in reader.values {
            var alone = self
            do { try alone.assignOne(name, value) } catch { reader.problem(at: reader.lines[name] ?? 0, error.description) }
        }
        if reader.problems.isEmpty {
            do { try checked.assign(reader.values) } catch { reader.problem(at: 0, error.description) }
        }
        guard reader.problems.isEmpty else { throw ConfigurationError(problems: reader.sorted) }
        self = checked
    }

    /// Checks a value by itself.
    private mutating func assignOne(_ name: String, _ value: String) throws(SettingError) {
        guard let setting = Self.setting(name) else { throw Self.unknown(name) }
        try setting.write(&self, value)
    }
}

/// Takes lines `key=value` apart.
private struct PropertiesReader {
    let file: String
    var values: [String: String] = [:]
    var lines: [String: Int] = [:]
    var problems: [(line: Int, text: String)] = []

    init(file: String) { self.file = file }

    var sorted: [String] { problems.sorted { $0.line < $1.line }.map(\.text) }

    mutating func problem(at line: Int, _ reason: String) {
        problems.append((line, line > 0 ? "\(file):\(line): \(reason)" : "\(file): \(reason)"))
    }

    mutating func read(_ text: String) {
        for (index, line) in text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline).enumerated() {
            read(line: SettingText.trimmed(line), number: index + 1)
        }
    }

    private mutating func read(line: String, number: Int) {
        if line.isEmpty || line.hasPrefix("#") || line.hasPrefix("!") { return }
        guard let equals = line.firstIndex(of: "=") else { return problem(at: number, "there is no '='; write key=value") }
        let name = SettingText.trimmed(line[..<equals])
        guard !name.isEmpty else { return problem(at: number, "there is no key before '='; write key=value") }
        if let first = lines[name] { return problem(at: number, "\(name) is set in line \(first) already; remove one of the lines") }
        lines[name] = number
        values[name] = SettingText.trimmed(line[line.index(after: equals)...])
    }
}
