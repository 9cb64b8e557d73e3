import BotKit
import Envelopes

/// The keys of one mapping of a configuration, read with their types. Every mistake goes into the sink, and reading goes on.
struct Fields {
    let node: YAMLNode
    let path: String
    let sink: ProblemSink
    private let pairs: [YAMLPair]

    /// Reports a node that is no mapping, and keys that are not among `keys`. `keys` nil: any.
    init?(_ node: YAMLNode, path: String, keys: [String]?, sink: ProblemSink) {
        self.node = node
        self.path = path
        self.sink = sink
        guard let pairs = node.pairs else {
            let example = keys.map { "a mapping with the keys \($0.joined(separator: ", "))" } ?? "a mapping"
            sink.error(node.position, path, "\(path.isEmpty ? "the file" : path) is \(node.kindDescription)", expected: example)
            return nil
        }
        self.pairs = pairs
        guard let keys else { return }
        for pair in pairs where !keys.contains(pair.key) {
            sink.error(
                pair.keyPosition, at(pair.key), "unknown key '\(pair.key)'\(path.isEmpty ? "" : " in \(path)")",
                expected: "one of \(keys.joined(separator: ", "))",
                nearest: NearestName.of(pair.key, in: keys))
        }
    }

    func at(_ key: String) -> String { path.isEmpty ? key : "\(path).\(key)" }

    /// The value under `key`; nil when it is missing or null.
    subscript(_ key: String) -> YAMLNode? {
        guard let value = pairs.first(where: { $0.key == key })?.value, !value.isNull else { return nil }
        return value
    }

    func isGiven(_ key: String) -> Bool { self[key] != nil }

    func wrong(_ key: String, _ node: YAMLNode, expected: String, nearest: String? = nil) {
        sink.error(node.position, at(key), "\(at(key)) is \(node.kindDescription)", expected: expected, nearest: nearest)
    }

    func missing(_ key: String, expected: String) { sink.error(node.position, at(key), "\(at(key)) is missing", expected: expected) }

    func string(_ key: String, expected: String = "a string", maximumBytes: Int = 65_536) -> String? {
        guard let node = self[key] else { return nil }
        guard let text = node.string else {
            let hint = node.scalar == nil ? expected : "\(expected), in quotes"
            wrong(key, node, expected: hint)
            return nil
        }
        guard !text.isEmpty else {
            sink.error(node.position, at(key), "\(at(key)) is empty", expected: expected)
            return nil
        }
        guard text.utf8.count <= maximumBytes else {
            sink.error(node.position, at(key), "\(at(key)) has \(text.utf8.count) bytes", expected: "at most \(maximumBytes)")
            return nil
        }
        return text
    }

    func requiredString(_ key: String, expected: String) -> String? {
        if self[key] == nil { missing(key, expected: expected) }
        return string(key, expected: expected)
    }

    func bool(_ key: String) -> Bool? {
        guard let node = self[key] else { return nil }
        if let value = node.bool { return value }
        let nearest: String? =
            switch node.string?.lowercased() {
            case "yes", "on", "y", "true": "true"
            case "no", "off", "n", "false": "false"
            default: nil
            }
        wrong(key, node, expected: "true or false", nearest: nearest)
        return nil
    }

    func integer(_ key: String, in range: ClosedRange<Int>) -> Int? {
        guard let node = self[key] else { return nil }
        let expected = "a whole number from \(range.lowerBound) to \(range.upperBound)"
        guard let value = node.integer, let whole = Int(exactly: value), range.contains(whole) else {
            wrong(key, node, expected: expected)
            return nil
        }
        return whole
    }

    /// A number of seconds; fractions are allowed.
    func seconds(_ key: String, in range: ClosedRange<Double> = 0.001...2_592_000) -> Duration? {
        guard let node = self[key] else { return nil }
        guard let value = node.number, range.contains(value) else {
            wrong(
                key, node,
                expected:
                    "a number of seconds from \(JSONValue.double(range.lowerBound).plainText) to \(JSONValue.double(range.upperBound).plainText)"
            )
            return nil
        }
        return .milliseconds(Int64((value * 1000).rounded()))
    }

    func choice<Choice: RawRepresentable & CaseIterable>(_ key: String, _: Choice.Type = Choice.self) -> Choice?
    where Choice.RawValue == String {
        let names = Choice.allCases.map(\.rawValue)
        return choice(key, names).flatMap { Choice(rawValue: $0) }
    }

    func choice(_ key: String, _ names: [String]) -> String? {
        guard let node = self[key] else { return nil }
        let expected = "one of \(names.joined(separator: ", "))"
        guard let text = node.scalar?.text else {
            wrong(key, node, expected: expected)
            return nil
        }
        guard names.contains(text) else {
            sink.error(node.position, at(key), "\(at(key)) is '\(text)'", expected: expected, nearest: NearestName.of(text, in: names))
            return nil
        }
        return text
    }

    func list(_ key: String, expected: String) -> [YAMLNode] {
        guard let node = self[key] else { return [] }
        guard let items = node.sequence else {
            wrong(key, node, expected: expected)
            return []
        }
        return items
    }

    /// A list of strings, each with its node.
    func strings(_ key: String, expected: String) -> [(text: String, node: YAMLNode)] {
        list(key, expected: expected).enumerated().compactMap { index, item in
            guard let text = item.string, !text.isEmpty else {
                sink.error(item.position, "\(at(key))[\(index)]", "\(at(key))[\(index)] is \(item.kindDescription)", expected: "a string")
                return nil
            }
            return (text, item)
        }
    }

    func section(_ key: String, keys: [String]) -> Fields? {
        self[key].flatMap { Fields($0, path: at(key), keys: keys, sink: sink) }
    }
}
