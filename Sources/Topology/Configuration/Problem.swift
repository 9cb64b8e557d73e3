import Envelopes

/// One thing that is wrong with a configuration: where, what, what was expected, and the nearest valid name.
public struct Problem: Sendable, Equatable, CustomStringConvertible {
    public enum Severity: String, Sendable { case error, warning }

    public let severity: Severity
    public let position: SourcePosition
    /// The place in the configuration, e.g. `actions[2].timeout`; empty for the file as a whole.
    public let path: String
    public let what: String
    public let expected: String?
    public let nearest: String?

    public init(
        _ severity: Severity = .error, at position: SourcePosition, path: String = "", _ what: String, expected: String? = nil,
        nearest: String? = nil
    ) {
        self.severity = severity
        self.position = position
        self.path = path
        self.what = what
        self.expected = expected
        self.nearest = nearest
    }

    /// `file:line:column: what is wrong, expected …, nearest is '…'`; warnings say so behind the place.
    public var description: String {
        var text = "\(position): \(severity == .warning ? "warning: " : "")\(what)"
        if let expected { text += ", expected \(expected)" }
        if let nearest { text += ", nearest is '\(nearest)'" }
        return text
    }

    public var json: JSONValue {
        var members: [String: JSONValue] = [
            "severity": .string(severity.rawValue), "file": .string(position.file), "line": .integer(Int64(position.line)),
            "column": .integer(Int64(position.column)), "path": .string(path), "message": .string(what),
        ]
        if let expected { members["expected"] = .string(expected) }
        if let nearest { members["nearest"] = .string(nearest) }
        return .object(members)
    }
}

/// Gathers problems while a configuration is read. Confined to one call.
final class ProblemSink {
    private(set) var problems: [Problem] = []

    func error(_ position: SourcePosition, _ path: String, _ what: String, expected: String? = nil, nearest: String? = nil) {
        problems.append(Problem(.error, at: position, path: path, what, expected: expected, nearest: nearest))
    }

    func warning(_ position: SourcePosition, _ path: String, _ what: String, expected: String? = nil, nearest: String? = nil) {
        problems.append(Problem(.warning, at: position, path: path, what, expected: expected, nearest: nearest))
    }

    /// A mistake inside a text, e.g. a filter; `node` is the scalar that holds it.
    func error(_ node: YAMLNode, _ path: String, _ what: String, line: Int, column: Int) {
        error(node.place(line: line, column: column), path, what)
    }
}

extension YAMLNode {
    /// Where a character of a scalar's text stands in the file. Exact for texts on one line; for others the place where the scalar begins, on the text's line for block scalars.
    func place(line: Int, column: Int) -> SourcePosition {
        guard let scalar else { return position }
        switch scalar.style {
        case .literal: return SourcePosition(file: position.file, line: position.line + line, column: 1)
        case .folded: return position
        case .plain, .singleQuoted, .doubleQuoted:
            guard line == 1, !scalar.text.contains("\n") else { return position }
            let before = scalar.text.prefix(max(0, column - 1))
            let doubled: String
            switch scalar.style {
            case .singleQuoted: doubled = "'"
            case .doubleQuoted: doubled = "\"\\\t"
            default: doubled = ""
            }
            let escapes = before.filter { doubled.contains($0) }.count
            let quote = scalar.style == .plain ? 0 : 1
            return SourcePosition(file: position.file, line: position.line, column: position.column + quote + escapes + column - 1)
        }
    }

    /// Where the value at `path` (`actions[2].parameters.port`) stands; for what is not there, the nearest place around it.
    func place(path: String) -> SourcePosition {
        var node = self
        for step in path.split(whereSeparator: { $0 == "." || $0 == "[" || $0 == "]" }) {
            if let index = Int(step), let items = node.sequence {
                guard items.indices.contains(index) else { return node.position }
                node = items[index]
            } else {
                guard let next = node[String(step)] else { return node.position }
                node = next
            }
        }
        return node.position
    }
}
