/// The type of an event, which is also the name of the Kafka topic that carries it (`build.completed`). There is no mapping between the two.
///
/// Source of the rule for legal names: Kafka's own (`[a-zA-Z0-9._-]{1,249}`, neither `.` nor `..`).
public struct EventType: Hashable, Sendable, Comparable, CustomStringConvertible, ExpressibleByStringLiteral, Codable {
    public let name: String

    /// Takes a name as it is; `isLegal` tells whether Kafka accepts it.
    public init(_ name: String) { self.name = name }
    public init(stringLiteral name: String) { self.name = name }

    /// The owner's part: everything before the first dot (`build` of `build.completed`).
    public var domain: Substring { name.prefix { $0 != "." } }

    /// Whether Kafka accepts the name as a topic.
    public var isLegal: Bool {
        guard (1...249).contains(name.utf8.count), name != ".", name != ".." else { return false }
        return name.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"): true
            case UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"): true
            default: false
            }
        }
    }

    public var description: String { name }
    public static func < (left: EventType, right: EventType) -> Bool { left.name < right.name }

    public init(from decoder: any Decoder) throws { name = try decoder.singleValueContainer().decode(String.self) }
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(name)
    }
}
