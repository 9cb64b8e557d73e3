/// The kinds of JSON values, as a set.
struct JSONTypeSet: OptionSet, Sendable {
    let rawValue: UInt8
    static let null = JSONTypeSet(rawValue: 1)
    static let boolean = JSONTypeSet(rawValue: 2)
    static let integer = JSONTypeSet(rawValue: 4)
    /// Every number, whole ones included.
    static let number = JSONTypeSet(rawValue: 8)
    static let string = JSONTypeSet(rawValue: 16)
    static let array = JSONTypeSet(rawValue: 32)
    static let object = JSONTypeSet(rawValue: 64)
    static let any = JSONTypeSet(rawValue: 0x7f)

    static let names: [(String, JSONTypeSet)] = [
        ("null", .null), ("boolean", .boolean), ("integer", .integer), ("number", .number), ("string", .string), ("array", .array),
        ("object", .object),
    ]

    var description: String { Self.names.filter { contains($0.1) }.map(\.0).joined(separator: " or ") }
}

/// A limit on a number, exact for whole numbers.
struct NumberBound: Sendable {
    let double: Double
    let integer: Int64?
    let text: String

    /// Whether `element` (a number) is below (-1), at (0) or above (1) the bound.
    func compare(_ element: JSONElement) -> Int {
        if element.kind == .integer, let integer { return element.integer == integer ? 0 : element.integer < integer ? -1 : 1 }
        let value = element.number
        return value == double ? 0 : value < double ? -1 : 1
    }
}

/// The form that a string must have beside its length.
enum TextFormat: String, Sendable, CaseIterable {
    case dateTime = "date-time"
    case uuid
    case uri

    func accepts(_ bytes: UnsafeBufferPointer<UInt8>) -> Bool {
        switch self {
        case .dateTime: Timestamp.parse(bytes) != nil
        case .uuid: bytes.count == 36 && UniqueID(String(decoding: bytes, as: UTF8.self)) != nil
        case .uri: isURI(bytes)
        }
    }

    /// A scheme, a colon, something behind it, and neither spaces nor control characters.
    private func isURI(_ bytes: UnsafeBufferPointer<UInt8>) -> Bool {
        guard let colon = bytes.firstIndex(of: UInt8(ascii: ":")), colon > 0, colon + 1 < bytes.count else { return false }
        for (index, byte) in bytes[..<colon].enumerated() {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"): break
            case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "+"), UInt8(ascii: "-"), UInt8(ascii: "."):
                if index == 0 { return false }
            default: return false
            }
        }
        return bytes.allSatisfy { $0 > 0x20 && $0 != 0x7f }
    }
}

/// A named member of an object that a schema speaks of.
struct SchemaProperty: Sendable {
    let name: [UInt8]
    /// The schema of its value; nil when it is only required.
    let node: Int?
}

/// The checks of one (sub)schema. Every part that is absent allows all.
struct SchemaNode: Sendable {
    enum Additional: Sendable {
        case allowed, forbidden
        case node(Int)
    }
    /// True for the schema `false`.
    var refusesAll = false
    var reference: Int?
    var types = JSONTypeSet.any
    var allowed: [JSONValue]?

    var minimum: NumberBound?
    var maximum: NumberBound?
    var exclusiveMinimum: NumberBound?
    var exclusiveMaximum: NumberBound?

    var minimumLength = 0
    var maximumLength = Int.max
    var pattern: TextPattern?
    var format: TextFormat?

    var items: Int?
    var minimumItems = 0
    var maximumItems = Int.max

    /// While it is compiled; at most 64, so that one word tells which were seen.
    var properties: [SchemaProperty] = []
    /// Which of the program's members they are.
    var members = 0..<0
    var required: UInt64 = 0
    var additional = Additional.allowed
    var minimumProperties = 0
    var maximumProperties = Int.max
    /// False when nothing has to be looked at inside an object.
    var looksIntoObjects = false
}

/// A compiled schema: node 0 is the whole.
///
/// The properties of all nodes lie in flat tables beside them: a check that goes by pointers counts no references.
struct SchemaProgram: Sendable {
    let nodes: [SchemaNode]
    fileprivate let members: [Member]
    /// The names of the members, one behind the other.
    fileprivate let names: [UInt8]

    fileprivate struct Member {
        /// `JSONElement.fingerprint` of its name.
        let fingerprint: UInt64
        let name: Range<Int>
        /// Of its value; nil when it is only required.
        let node: Int?
    }

    init(_ compiled: [SchemaNode]) {
        var (nodes, members, names): ([SchemaNode], [Member], [UInt8]) = (compiled, [], [])
        for index in nodes.indices {
            let first = members.count
            for property in nodes[index].properties {
                let start = names.count
                names += property.name
                members.append(
                    Member(
                        fingerprint: JSONElement.fingerprint(of: property.name), name: start..<names.count, node: property.node))
            }
            nodes[index].members = first..<members.count
            nodes[index].properties = []
        }
        (self.nodes, self.members, self.names) = (nodes, members, names)
    }
}

/// One check of one document.
struct SchemaRun {
    /// The program's tables; borrowed by `judge` for as long as the run lasts, so that nothing of them is copied.
    private let nodes: UnsafeBufferPointer<SchemaNode>
    private let members: UnsafeBufferPointer<SchemaProgram.Member>
    private let names: UnsafeBufferPointer<UInt8>
    private let root: JSONElement
    private(set) var violations: [SchemaViolation] = []

    private init(
        _ root: JSONElement, _ nodes: UnsafeBufferPointer<SchemaNode>, _ members: UnsafeBufferPointer<SchemaProgram.Member>,
        _ names: UnsafeBufferPointer<UInt8>
    ) {
        self.root = root
        self.nodes = nodes
        self.members = members
        self.names = names
    }

    /// What in `element` does not fit `program`.
    static func judge(_ element: JSONElement, by program: SchemaProgram) -> [SchemaViolation] {
        program.nodes.withUnsafeBufferPointer { nodes in
            program.members.withUnsafeBufferPointer { members in
                program.names.withUnsafeBufferPointer { names in
                    var run = SchemaRun(element, nodes, members, names)
                    run.check(element, against: 0)
                    return run.violations
                }
            }
        }
    }

    /// - Parameter missing: the member of `element` that is not there.
    private mutating func refuse(_ element: JSONElement, missing: String? = nil, _ message: @autoclosure () -> String) {
        guard violations.count < SchemaViolation.maximumCount else { return }
        var text = place(of: element)
        if let missing { text = pointer(text, missing) }
        violations.append(SchemaViolation(pointer: String(text.prefix(SchemaViolation.maximumPointerLength)), message: message()))
    }

    /// The pointer to a value, looked for from the root on: so a value that fits costs nothing for it.
    private func place(of element: JSONElement) -> String {
        var (text, current) = ("", root)
        while current.index < element.index {
            if current.kind == .object {
                guard let member = JSONMembers(current).first(where: { $0.value.next > element.index }) else { break }
                (text, current) = (pointer(text, member.name.text), member.value)
            } else {
                guard let item = JSONElements(current).enumerated().first(where: { $0.element.next > element.index }) else { break }
                (text, current) = ("\(text)/\(item.offset)", item.element)
            }
        }
        return text
    }

    private mutating func check(_ element: JSONElement, against index: Int) {
        guard violations.count < SchemaViolation.maximumCount else { return }
        check(element, nodes.baseAddress.unsafelyUnwrapped + index)
    }

    private mutating func check(_ element: JSONElement, _ node: UnsafePointer<SchemaNode>) {
        if node.pointee.refusesAll { return refuse(element, "nothing is allowed here") }
        if let reference = node.pointee.reference { check(element, against: reference) }
        guard node.pointee.types.intersects(element.types) else {
            return refuse(element, "expected \(node.pointee.types.description), found \(element.typeName)")
        }
        if let allowed = node.pointee.allowed, !allowed.contains(where: { element.equals($0) }) {
            refuse(element, "expected one of \(allowed.prefix(20).map(\.jsonText).joined(separator: ", "))")
        }
        switch element.kind {
        case .string: checkString(element, node)
        case .integer, .unsigned, .double: checkNumber(element, node)
        case .array: checkArray(element, node)
        case .object: if node.pointee.looksIntoObjects { checkObject(element, node) }
        default: break
        }
    }

    private mutating func checkNumber(_ element: JSONElement, _ node: UnsafePointer<SchemaNode>) {
        if let bound = node.pointee.minimum, bound.compare(element) < 0 { refuse(element, "is below the minimum of \(bound.text)") }
        if let bound = node.pointee.maximum, bound.compare(element) > 0 { refuse(element, "is above the maximum of \(bound.text)") }
        if let bound = node.pointee.exclusiveMinimum, bound.compare(element) <= 0 { refuse(element, "must be above \(bound.text)") }
        if let bound = node.pointee.exclusiveMaximum, bound.compare(element) >= 0 { refuse(element, "must be below \(bound.text)") }
    }

    private mutating func checkString(_ element: JSONElement, _ node: UnsafePointer<SchemaNode>) {
        let bytes = element.bytes
        // A character has one to four bytes: most lengths are right without counting.
        if (bytes.count + 3) / 4 < node.pointee.minimumLength || bytes.count > node.pointee.maximumLength {
            let length = bytes.reduce(0) { $0 + ($1 & 0xc0 != 0x80 ? 1 : 0) }
            if length < node.pointee.minimumLength { refuse(element, "is shorter than \(node.pointee.minimumLength) characters") }
            if length > node.pointee.maximumLength { refuse(element, "is longer than \(node.pointee.maximumLength) characters") }
        }
        if let pattern = node.pointee.pattern, !pattern.matches(bytes) { refuse(element, "does not match \(pattern.source)") }
        if let format = node.pointee.format, !format.accepts(bytes) { refuse(element, "is not a \(format.rawValue)") }
    }

    private mutating func checkArray(_ element: JSONElement, _ node: UnsafePointer<SchemaNode>) {
        let count = element.count
        if count < node.pointee.minimumItems { refuse(element, "has fewer than \(node.pointee.minimumItems) elements") }
        if count > node.pointee.maximumItems { refuse(element, "has more than \(node.pointee.maximumItems) elements") }
        guard let items = node.pointee.items else { return }
        for item in JSONElements(element) { check(item, against: items) }
    }

    private mutating func checkObject(_ element: JSONElement, _ node: UnsafePointer<SchemaNode>) {
        let count = element.count
        if count < node.pointee.minimumProperties { refuse(element, "has fewer than \(node.pointee.minimumProperties) members") }
        if count > node.pointee.maximumProperties { refuse(element, "has more than \(node.pointee.maximumProperties) members") }
        var seen: UInt64 = 0
        let own = node.pointee.members
        for (name, value) in JSONMembers(element) {
            let member = member(name, among: own)
            if let member { seen |= 1 << UInt64(member - own.lowerBound) }
            if let member, let inner = members[member].node {
                check(value, against: inner)
            } else {
                switch node.pointee.additional {
                case .allowed: break
                case .forbidden: refuse(value, "the schema does not know this name")
                case .node(let inner): check(value, against: inner)
                }
            }
        }
        var missing = node.pointee.required & ~seen
        while missing != 0 {
            let name = names[members[own.lowerBound + missing.trailingZeroBitCount].name]
            refuse(element, missing: String(decoding: name, as: UTF8.self), "is missing")
            missing &= missing - 1
        }
    }

    private func member(_ name: JSONElement, among own: Range<Int>) -> Int? {
        let print = name.fingerprint
        return own.first { index in
            members[index].fingerprint == print && name.bytes.isEqual(to: UnsafeBufferPointer(rebasing: names[members[index].name]))
        }
    }
}

extension JSONTypeSet {
    fileprivate func intersects(_ other: JSONTypeSet) -> Bool { rawValue & other.rawValue != 0 }
}

extension JSONElement {
    /// Any number as a double.
    var number: Double {
        switch kind {
        case .integer: Double(integer)
        case .unsigned: Double(unsigned)
        default: double
        }
    }

    /// Every type of JSON Schema that the value has: a whole number is an integer, however it is written.
    fileprivate var types: JSONTypeSet {
        switch kind {
        case .object: .object
        case .array: .array
        case .string: .string
        case .integer, .unsigned: [.integer, .number]
        case .double: double.rounded() == double ? [.integer, .number] : .number
        case .yes, .no: .boolean
        default: .null
        }
    }

    /// For messages.
    var typeName: String {
        switch kind {
        case .object: "object"
        case .array: "array"
        case .string: "string"
        case .integer, .unsigned: "integer"
        case .double: "number"
        case .yes, .no: "boolean"
        default: "null"
        }
    }

    fileprivate func equals(_ value: JSONValue) -> Bool {
        switch (kind, value) {
        case (.null, .null), (.yes, .bool(true)), (.no, .bool(false)): return true
        case (.string, .string(let text)): return bytes.elementsEqual(text.utf8)
        case (.integer, .integer(let value)): return integer == value
        case (.integer, .double(let value)), (.unsigned, .double(let value)), (.double, .double(let value)): return number == value
        case (.double, .integer(let value)): return number == Double(value)
        case (.array, .array(let values)):
            return count == values.count && zip(JSONElements(self), values).allSatisfy { $0.equals($1) }
        case (.object, .object(let members)):
            return count == members.count
                && JSONMembers(self).allSatisfy { name, value in members[name.text].map { value.equals($0) } ?? false }
        default: return false
        }
    }
}
