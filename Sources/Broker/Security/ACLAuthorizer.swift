/// Decides by ACLs, as Kafka's authorizer does: denial before leave, and nothing without leave. On the broker's thread.
final class ACLAuthorizer: Authorizer {
    private let acls: ACLBook
    private let superUsers: Set<String>
    private let allowsUnruled: Bool

    /// - Parameters:
    ///   - superUsers: principals who may do everything, whatever the ACLs say.
    ///   - allowsUnruled: what no ACL is about is open to everybody.
    init(acls: ACLBook, superUsers: some Sequence<String>, allowsUnruled: Bool) {
        self.acls = acls
        self.superUsers = Set(superUsers)
        self.allowsUnruled = allowsUnruled
    }

    func allows(_ operation: ACLOperation, _ type: ACLResourceType, _ name: String, _ context: RequestContext) -> Bool {
        if superUsers.contains(context.principal) { return true }
        let decision = acls.index.decide(Self.question(operation, context), type, name)
        if decision.isDenied { return false }
        return decision.isAllowed || (allowsUnruled && !decision.isRuled)
    }

    func allowsSomewhere(_ operation: ACLOperation, _ type: ACLResourceType, _ context: RequestContext) -> Bool {
        if superUsers.contains(context.principal) { return true }
        let decision = acls.index.decideSomewhere(Self.question(operation, context), type)
        if decision.isDenied { return false }
        return decision.isAllowed || allowsUnruled
    }

    private static func question(_ operation: ACLOperation, _ context: RequestContext) -> ACLIndex.Question {
        ACLIndex.Question(operation: operation, principal: context.principal, host: context.session.address)
    }
}
