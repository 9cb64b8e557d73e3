extension BrokerConfiguration {
    /// What an operator should think about before others do, a sentence each.
    /// - Parameter address: where the broker listens.
    public func securityWarnings(_ address: ListenAddress) -> [String] {
        var warnings: [String] = []
        let authenticates = !saslEnabledMechanisms.isEmpty
        if !address.isLoopback {
            warnings.append(
                authenticates
                    ? "\(address) can be reached from other machines, and passwords and records go there unencrypted; keep to a network that you trust"
                    : "\(address) can be reached from other machines, and nobody has to say who they are; set sasl.enabled.mechanisms=PLAIN"
            )
        }
        if usesACLs, !authenticates {
            warnings.append(
                "there are ACLs, and nobody has to say who they are: everybody is \(Session.anonymous) to them; set sasl.enabled.mechanisms=PLAIN"
            )
        }
        if usesACLs, superUsers.isEmpty, !allowEveryoneIfNoACLFound {
            warnings.append(
                "super.users names nobody, so nobody can make the first ACL; name an administrator, e.g. super.users=User:admin")
        }
        return warnings
    }

    /// Why nobody could be meant by a name in `super.users`; nil when all can.
    var superUsersFault: String? {
        superUsers.first { !$0.contains(":") }.map { "super.users has '\($0)', which is no principal; write User:\($0)" }
    }
}
