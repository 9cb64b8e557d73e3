/// What an encoder has collected, until it is written.
indirect enum JSONTree {
    case null
    case bool(Bool)
    case integer(Int64)
    case unsigned(UInt64)
    case double(Double)
    case string(String)
    case value(JSONValue)
    case array(JSONArrayNode)
    case object(JSONObjectNode)
    /// What another encoder is still filling.
    case pending(JSONTreeEncoder)

    func write(to writer: inout JSONWriter) {
        switch self {
        case .null: writer.literal("null")
        case .bool(let value): writer.literal(value ? "true" : "false")
        case .integer(let value): writer.integer(value)
        case .unsigned(let value): writer.raw(Array(String(value).utf8))
        case .double(let value): Self.write(value, to: &writer)
        case .string(let value): writer.string(value)
        case .value(let value): writer.value(value)
        case .array(let node): node.write(to: &writer)
        case .object(let node): node.write(to: &writer)
        case .pending(let encoder): encoder.tree?.write(to: &writer) ?? writer.literal("{}")
        }
    }

    /// A whole number has no fraction, as Foundation writes it.
    private static func write(_ value: Double, to writer: inout JSONWriter) {
        let text = value.description
        writer.raw(Array((text.hasSuffix(".0") ? text.dropLast(2) : text[...]).utf8))
    }
}

final class JSONArrayNode {
    var elements: [JSONTree] = []

    func write(to writer: inout JSONWriter) {
        writer.literal("[")
        for (index, element) in elements.enumerated() {
            if index > 0 { writer.literal(",") }
            element.write(to: &writer)
        }
        writer.literal("]")
    }
}

final class JSONObjectNode {
    private var members: [(name: String, order: Int, tree: JSONTree)] = []

    func set(_ name: String, _ tree: JSONTree) { members.append((name, members.count, tree)) }

    func tree(of name: String) -> JSONTree? { members.last { $0.name == name }?.tree }

    /// Sorted by name; of two with one name the later counts.
    func write(to writer: inout JSONWriter) {
        members.sort { ($0.name, $0.order) < ($1.name, $1.order) }
        writer.literal("{")
        var isFirst = true
        for (index, member) in members.enumerated() {
            if index + 1 < members.count, members[index + 1].name == member.name { continue }
            if !isFirst { writer.literal(",") }
            isFirst = false
            writer.string(member.name)
            writer.literal(":")
            member.tree.write(to: &writer)
        }
        writer.literal("}")
    }
}
