import KafkaProtocol

/// Who may log in, in the metadata log and in memory. On the broker's thread.
final class UserBook {
    private let metadata: MetadataLog
    private var passwords: [String: PasswordHash]
    private var random: any RandomNumberGenerator
    /// Stands in for users that do not exist, so that nobody learns from the time of an answer who does.
    private let nobody: PasswordHash

    /// - Parameters:
    ///   - passwords: what the metadata log has.
    ///   - random: makes salts; has to be one that nobody can foresee.
    init(metadata: MetadataLog, passwords: [String: PasswordHash], random: some RandomNumberGenerator) {
        self.metadata = metadata
        self.passwords = passwords
        var random = random
        nobody = PasswordHash(of: Array("nobody".utf8), using: &random)
        self.random = random
    }

    var isEmpty: Bool { passwords.isEmpty }
    var names: [String] { passwords.keys.sorted() }

    /// These users and no others may log in from now on. Whoever keeps name and password costs no record.
    /// - Throws: what the metadata log says; nothing has changed then.
    func replace(with users: [User]) throws(ErrorCode) {
        var new: [String: PasswordHash] = [:]
        for user in users {
            let kept = passwords[user.name].flatMap { $0.matches(user.password) ? $0 : nil }
            new[user.name] = kept ?? makeHash(user.password)
        }
        let changed = new.filter { passwords[$0.key] != $0.value }.map { (name: $0.key, record: UserRecord?.some(UserRecord($0.value))) }
        let gone = passwords.keys.filter { new[$0] == nil }.map { (name: $0, record: UserRecord?.none) }
        if !(changed + gone).isEmpty { try metadata.change(.user, changed + gone) }
        passwords = new
    }

    private func makeHash(_ password: [UInt8]) -> PasswordHash { PasswordHash(of: password, using: &random) }

    /// Takes as long for an unknown user as for a wrong password.
    func isRight(_ password: [UInt8], of name: String) -> Bool {
        let kept = passwords[name]
        let matches = (kept ?? nobody).matches(password)
        return kept != nil && matches
    }
}
