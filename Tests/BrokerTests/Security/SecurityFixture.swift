import KafkaProtocol
import Testing

@testable import Broker

/// ACLs in a metadata log in memory, and one authorizer over them.
final class SecurityFixture {
    let state: MemoryStateLog
    let book: ACLBook
    let authorizer: ACLAuthorizer

    init(_ state: MemoryStateLog = MemoryStateLog(), superUsers: [String] = [], allowsUnruled: Bool = false) throws {
        self.state = state
        let metadata = MetadataLog(state)
        book = ACLBook(metadata: metadata, bindings: try metadata.load().acls.values)
        authorizer = ACLAuthorizer(acls: book, superUsers: superUsers, allowsUnruled: allowsUnruled)
    }

    func add(_ bindings: ACLBinding...) throws { try book.insert(bindings) }

    func may(
        _ operation: ACLOperation, _ name: String, _ type: ACLResourceType = .topic, as user: String = "alice",
        from host: String = "10.0.0.1"
    ) -> Bool {
        authorizer.allows(operation, type, name, Self.context(user, host))
    }

    func mayWriteSomewhere(_ user: String = "alice") -> Bool { authorizer.allowsSomewhere(.write, .topic, Self.context(user, "10.0.0.1")) }

    static func context(_ user: String, _ host: String = "10.0.0.1") -> RequestContext {
        let session = Session(host: "/" + host)
        session.principal = User.principal(user)
        session.isAuthenticated = true
        return RequestContext(version: 3, session: session)
    }

    /// What clients get; as `User:root`, whom the fixture has to have as a super user for anything but refusals.
    func ask<Request: APIRequest>(_ request: Request, as user: String = "root", version: Int16 = 3) throws -> Request.Response {
        var dispatcher = Dispatcher()
        ACLAPI(acls: book, authorizer: authorizer, durability: ManualDurability()).register(in: &dispatcher)
        return try dispatcher.ask(request, version: version, session: Self.context(user).session)
    }
}

extension ACLBinding {
    static func allow(
        _ operation: ACLOperation, _ name: String, _ type: ACLResourceType = .topic, prefixed: Bool = false,
        to principal: String = "User:alice",
        from host: String = "*"
    ) -> ACLBinding {
        ACLBinding(
            pattern: ACLPattern(type: type, name: name, patternType: prefixed ? .prefixed : .literal), principal: principal, host: host,
            operation: operation, permission: .allow)
    }

    static func deny(
        _ operation: ACLOperation, _ name: String, _ type: ACLResourceType = .topic, prefixed: Bool = false,
        to principal: String = "User:alice",
        from host: String = "*"
    ) -> ACLBinding {
        var binding = allow(operation, name, type, prefixed: prefixed, to: principal, from: host)
        binding.permission = .deny
        return binding
    }
}
