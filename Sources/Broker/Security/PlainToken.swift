/// What a client says of itself under SASL PLAIN: `[authzid] NUL authcid NUL passwd` (RFC 4616).
struct PlainToken: Equatable {
    let name: String
    let password: [UInt8]

    /// What is wrong with it, as the client is told. Nothing of the token stands in it.
    struct Fault: Error, Equatable {
        let reason: String
    }

    init(_ token: [UInt8]) throws(Fault) {
        let parts = token.split(separator: 0, maxSplits: 3, omittingEmptySubsequences: false)
        guard parts.count == 3 else { throw Fault(reason: "Invalid SASL/PLAIN response: expected 3 tokens") }
        let (role, name, password) = (parts[0], parts[1], parts[2])
        guard !name.isEmpty else { throw Fault(reason: "Authentication failed: username not specified") }
        guard !password.isEmpty else { throw Fault(reason: "Authentication failed: password not specified") }
        guard name.count <= User.maximumNameBytes, password.count <= User.maximumPasswordBytes else {
            throw Fault(reason: "Invalid SASL/PLAIN response: username or password is too long")
        }
        guard let text = String(validating: name, as: UTF8.self), String(validating: password, as: UTF8.self) != nil else {
            throw Fault(reason: "Invalid SASL/PLAIN response: not UTF-8")
        }
        guard role.isEmpty || role == name else {
            throw Fault(reason: "Authentication failed: Client requested an authorization id that is different from username")
        }
        self.name = text
        self.password = Array(password)
    }
}
