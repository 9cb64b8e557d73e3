import BotKit

/// Reads one mapping of the catalogue key by key; what is wrong is collected, and what was not asked for is said to be unknown.
struct MappingReader {
    let node: YAMLNode
    private(set) var problems: [YAMLError] = []
    private let pairs: [YAMLPair]

    /// `keys` are the keys that it may have; `what` names it in messages, e.g. `a topic`.
    init(_ node: YAMLNode, what: String, keys: [String]) {
        self.node = node
        pairs = node.pairs ?? []
        if node.pairs == nil { complain(node.position, "\(what) is \(node.kindDescription), expected a mapping") }
        for pair in pairs where !keys.contains(pair.key) {
            let nearest = NearestName.of(pair.key, in: keys).map { "; did you mean '\($0)'?" } ?? "; known: \(keys.joined(separator: ", "))"
            complain(pair.keyPosition, "\(what) has no key '\(pair.key)'\(nearest)")
        }
    }

    mutating func complain(_ position: SourcePosition, _ message: String) {
        problems.append(YAMLError(position: position, message: message))
    }

    subscript(_ key: String) -> YAMLNode? { pairs.first { $0.key == key }?.value }

    mutating func string(_ key: String) -> String? {
        guard let value = self[key] else { return nil }
        guard let text = value.string, !text.isEmpty else {
            complain(value.position, "\(key) is \(value.kindDescription), expected a text")
            return nil
        }
        return text
    }

    mutating func strings(_ key: String) -> [String]? {
        guard let value = self[key] else { return nil }
        let texts = value.sequence?.compactMap(\.string)
        guard let texts, texts.count == value.sequence?.count else {
            complain(value.position, "\(key) is \(value.kindDescription), expected a list of names")
            return nil
        }
        return texts
    }

    mutating func integer(_ key: String, in range: ClosedRange<Int64>) -> Int64? {
        guard let value = self[key] else { return nil }
        guard let number = value.integer, range.contains(number) else {
            complain(
                value.position,
                "\(key) is \(value.kindDescription), expected a whole number from \(range.lowerBound) to \(range.upperBound)")
            return nil
        }
        return number
    }

    mutating func bool(_ key: String) -> Bool? {
        guard let value = self[key] else { return nil }
        if value.bool == nil { complain(value.position, "\(key) is \(value.kindDescription), expected true or false") }
        return value.bool
    }

    mutating func choice<Choice: RawRepresentable & CaseIterable>(_ key: String, _: Choice.Type = Choice.self) -> Choice?
    where Choice.RawValue == String {
        guard let text = string(key), let position = self[key]?.position else { return nil }
        if let choice = Choice(rawValue: text) { return choice }
        let known = Choice.allCases.map(\.rawValue)
        let nearest = NearestName.of(text, in: known).map { "; did you mean '\($0)'?" } ?? ""
        complain(position, "\(key) is '\(text)', expected one of \(known.joined(separator: ", "))\(nearest)")
        return nil
    }

    /// A text that `parse` understands; `form` says how it looks.
    mutating func parsed<Value>(_ key: String, form: String, _ parse: (String) -> Value?) -> Value? {
        guard let text = string(key), let position = self[key]?.position else { return nil }
        guard let value = parse(text) else {
            complain(position, "\(key) is '\(text)', expected \(form)")
            return nil
        }
        return value
    }
}
