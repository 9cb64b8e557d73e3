/// Somebody who may log in, as the users file says it. The password shows in no description.
public struct User: Sendable, Equatable, CustomStringConvertible, CustomReflectable {
    /// In bytes of UTF-8.
    static let maximumNameBytes = 255
    static let maximumPasswordBytes = 1_024

    public let name: String
    let password: [UInt8]

    init(name: String, password: [UInt8]) {
        self.name = name
        self.password = password
    }

    /// How ACLs and `super.users` name the user.
    static func principal(_ name: String) -> String { "User:\(name)" }

    public var description: String { Self.principal(name) }
    public var customMirror: Mirror { Mirror(self, children: ["name": name]) }
}
