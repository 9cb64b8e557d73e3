import KafkaProtocol

/// Who may log in and what they may do, as the configuration, the users file and the metadata log say it.
struct BrokerSecurity {
    let users: UserBook
    let authorizer: any Authorizer
    /// nil without an authorizer. The ACLs that are kept hold again when there is one.
    let acls: ACLBook?
    private let configuration: BrokerConfiguration

    /// - Parameter users: those that replace the ones that are kept; nil keeps them.
    /// - Throws: `BrokerStartError`, with what to do.
    init(_ configuration: BrokerConfiguration, _ metadata: MetadataLog, _ snapshot: MetadataSnapshot, users: [User]?)
        throws(BrokerStartError)
    {
        if let fault = configuration.superUsersFault { throw BrokerStartError(fault) }
        self.configuration = configuration
        self.users = UserBook(metadata: metadata, passwords: snapshot.users, random: SystemRandomNumberGenerator())
        do throws(ErrorCode) {
            if let users { try self.users.replace(with: users) }
        } catch {
            throw BrokerStartError("the users cannot be written to \(TopicName.clusterMetadata) (\(error))")
        }
        guard configuration.saslEnabledMechanisms.isEmpty || !self.users.isEmpty else {
            throw BrokerStartError(
                "sasl.enabled.mechanisms is PLAIN, and there is no user who could log in; write a file of lines name:password that only its owner can read (chmod 600), and name it with --users"
            )
        }
        guard configuration.usesACLs else {
            acls = nil
            authorizer = OpenAuthorizer()
            return
        }
        let acls = ACLBook(metadata: metadata, bindings: snapshot.acls.values)
        self.acls = acls
        authorizer = ACLAuthorizer(
            acls: acls, superUsers: configuration.superUsers, allowsUnruled: configuration.allowEveryoneIfNoACLFound)
    }

    /// Answers the requests about logins and ACLs.
    func register(
        in dispatcher: inout Dispatcher, durability: any Durability, scheduler: any Scheduler,
        report: @escaping @Sendable (BrokerNotice) -> Void
    ) -> SASLAPI {
        ACLAPI(acls: acls, authorizer: authorizer, durability: durability).register(in: &dispatcher)
        let sasl = SASLAPI(
            mechanisms: configuration.saslEnabledMechanisms, users: users, scheduler: scheduler,
            failureDelayMs: Int64(configuration.failedAuthenticationDelayMs)
        ) { report(BrokerNotice(refusedLogin: $0, $1)) }
        sasl.register(in: &dispatcher)
        return sasl
    }
}
