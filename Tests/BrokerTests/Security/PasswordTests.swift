import Glibc
import KafkaProtocol
import Testing

@testable import Broker

@Suite struct PasswordTests {
    private func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }

    /// The vectors of RFC 7914, chapter 11; the first 32 bytes of each.
    @Test func theHashIsPBKDF2() {
        let hash = PasswordHash.derive(bytes("passwd"), salt: bytes("salt"), iterations: 1)
        #expect(hash.prefix(8).elementsEqual([0x55, 0xac, 0x04, 0x6e, 0x56, 0xe3, 0x08, 0x9f]))
        let other = PasswordHash.derive(bytes("Password"), salt: bytes("NaCl"), iterations: 80_000)
        #expect(other.prefix(8).elementsEqual([0x4d, 0xdc, 0xd8, 0xf6, 0x0b, 0x98, 0xbe, 0x21]))
    }

    private func book(_ state: MemoryStateLog) throws -> UserBook {
        let metadata = MetadataLog(state)
        return UserBook(metadata: metadata, passwords: try metadata.load().users, random: SplitMix(7))
    }

    @Test func usersHoldAfterARestartAndAreReplacedByOthers() throws {
        let state = MemoryStateLog()
        var users = try book(state)
        try users.replace(with: [User(name: "alice", password: bytes("a:b")), User(name: "bob", password: bytes("b"))])
        #expect(state.entries.count == 2)
        users = try book(state)
        #expect(users.isRight(bytes("a:b"), of: "alice"))
        #expect(!users.isRight(bytes("a:B"), of: "alice"))
        #expect(!users.isRight(bytes("b"), of: "alice"))
        #expect(!users.isRight(bytes("nobody"), of: "nobody"))
        #expect(!users.isRight(bytes("nobody"), of: "carol"))

        // The same password costs no record, a new one and a user who is gone cost one each.
        try users.replace(with: [User(name: "alice", password: bytes("a:b"))])
        #expect(state.entries.count == 3)
        users = try book(state)
        #expect(users.names == ["alice"])
        #expect(!users.isRight(bytes("b"), of: "bob"))
        state.failure = .kafkaStorageError
        #expect(throws: ErrorCode.kafkaStorageError) { try users.replace(with: [User(name: "alice", password: bytes("new"))]) }
        #expect(users.isRight(bytes("a:b"), of: "alice"))
    }

    @Test func noPasswordStandsInTheLogOrInADescription() throws {
        let state = MemoryStateLog()
        let user = User(name: "alice", password: bytes("very-secret"))
        try book(state).replace(with: [user])
        let logged = state.entries.flatMap { entry -> [UInt8] in
            if case .record(let record, _, _, _) = entry { record.key + (record.value ?? []) } else { [] }
        }
        #expect(!String(decoding: logged, as: UTF8.self).contains("very-secret"))
        var dumped = ""
        dump(user, to: &dumped)
        for text in ["\(user)", String(reflecting: user), dumped] {
            #expect(!text.contains("secret") && !text.contains("118"), "\(text)")
        }
    }

    @Test func equalPasswordsHaveDifferentHashes() {
        var random = SplitMix(1)
        let one = PasswordHash(of: bytes("x"), using: &random)
        let other = PasswordHash(of: bytes("x"), using: &random)
        #expect(one.salt != other.salt && one.hash != other.hash)
        #expect(one.matches(bytes("x")) && other.matches(bytes("x")))
    }

    @Test func aRecordThatWouldHoldTheBrokerUpIsRefused() {
        var random = SplitMix(1)
        for iterations: Int32 in [-1, 0, 1, 1_000_000] {
            var record = UserRecord(PasswordHash(of: bytes("x"), using: &random))
            record.iterations = iterations
            #expect(throws: WireError.self) { try PasswordHash(record) }
        }
    }

    @Test func aUsersFileSaysWhoMayLogIn() throws {
        let users = try UsersFile.parse(bytes("# who\n\n  # more\nalice:a:b c \r\nbob:é#\n"), file: "users")
        #expect(users == [User(name: "alice", password: bytes("a:b c ")), User(name: "bob", password: bytes("é#"))])
    }

    @Test func whatIsWrongWithAUsersFileIsToldWithItsLineAndWithoutThePassword() throws {
        let wrong = "hunter2\n:hunter2\nalice:\n alice:hunter2\nbob:hunter2\nbob:hunter2\n*:hunter2\nANONYMOUS:hunter2\nx:hunter2\u{1}\n"
        let error = try #require(throws: ConfigurationError.self) { try UsersFile.parse(bytes(wrong), file: "users") }
        #expect(error.problems.map { String($0.prefix(8)) } == [1, 2, 3, 4, 6, 7, 8, 9].map { "users:\($0):" })
        #expect(!error.description.contains("hunter2"))
        #expect(throws: ConfigurationError(problems: ["users: there is no user; write a line name:password for each"])) {
            try UsersFile.parse(bytes("# nobody\n"), file: "users")
        }
    }

    @Test func aUsersFileThatOthersCanReadIsRefused() throws {
        var template = Array("/tmp/botmesh-users-XXXXXX".utf8CString)
        let descriptor = mkstemp(&template)
        #expect(descriptor >= 0)
        let path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        defer {
            close(descriptor)
            unlink(path)
        }
        #expect(write(descriptor, "alice:a\n", 8) == 8)
        #expect(try UsersFile.read(path).map(\.name) == ["alice"])
        for mode: mode_t in [0o640, 0o604, 0o622] {
            #expect(chmod(path, mode) == 0)
            let error = try #require(throws: ConfigurationError.self) { try UsersFile.read(path) }
            #expect(error.description.contains("chmod 600 \(path)"))
        }
        #expect(throws: ConfigurationError.self) { try UsersFile.read(path + "-missing") }
    }
}
