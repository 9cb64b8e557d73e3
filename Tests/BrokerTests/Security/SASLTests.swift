import KafkaProtocol
import Testing

@testable import Broker

@Suite struct SASLTests {
    private let scheduler = ManualScheduler()
    private let session = Session()
    private let api: SASLAPI
    private let dispatcher: Dispatcher

    init() throws {
        try self.init(mechanisms: ["PLAIN"])
    }

    private init(mechanisms: [String]) throws {
        let users = UserBook(metadata: MetadataLog(MemoryStateLog()), passwords: [:], random: SplitMix(3))
        try users.replace(with: [User(name: "alice", password: Array("secret".utf8)), User(name: "bob", password: Array("other".utf8))])
        api = SASLAPI(mechanisms: mechanisms, users: users, scheduler: scheduler, failureDelayMs: 100) { _, _ in }
        var dispatcher = Dispatcher()
        api.register(in: &dispatcher)
        self.dispatcher = dispatcher
    }

    private func handshake(_ mechanism: String = "PLAIN", version: Int16 = 1) throws -> SaslHandshakeResponse {
        var request = SaslHandshakeRequest()
        request.mechanism = mechanism
        return try answer(request, version)
    }

    private func authenticate(_ token: String, version: Int16 = 2) throws -> SaslAuthenticateResponse {
        var request = SaslAuthenticateRequest()
        request.authBytes = Array(token.utf8)
        return try answer(request, version)
    }

    /// What comes late is waited for.
    private func answer<Request: APIRequest>(_ request: Request, _ version: Int16) throws -> Request.Response {
        try dispatcher.ask(request, version: version, session: session) { scheduler.advance(by: 100) }
    }

    @Test func theRightPasswordLetsIn() throws {
        for version: Int16 in 0...2 {
            let other = try SASLTests()
            #expect(try other.handshake().mechanisms == ["PLAIN"])
            #expect(other.api.isAwaited(other.session))
            let answer = try other.authenticate("\0alice\0secret", version: version)
            #expect(answer.errorCode == 0 && answer.sessionLifetimeMs == 0 && answer.authBytes == [])
            #expect(other.session.principal == "User:alice" && !other.session.mustClose && !other.api.isAwaited(other.session))
        }
        let other = try SASLTests()
        _ = try other.handshake()
        #expect(try other.authenticate("alice\0alice\0secret").errorCode == 0)
    }

    @Test(arguments: [
        "\0alice\0wrong", "\0carol\0secret", "bob\0alice\0secret", "", "alice", "\0alice", "\0\0secret", "\0alice\0", "\0a\0b\0c",
    ])
    func anyOtherTokenEndsTheConnection(token: String) throws {
        _ = try handshake()
        let answer = try authenticate(token)
        #expect(answer.errorCode == ErrorCode.saslAuthenticationFailed.rawValue)
        #expect(session.mustClose && !session.isAuthenticated && session.principal == Session.anonymous)
        #expect(answer.errorMessage?.contains("secret") == false)
    }

    @Test func theAnswerToAWrongTokenComesLate() throws {
        _ = try handshake()
        var isAnswered = false
        session.saslStage = .bareToken
        api.take(bareToken: Array("\0alice\0wrong".utf8), session) { isRight in
            isAnswered = true
            #expect(!isRight)
        }
        scheduler.advance(by: 99)
        #expect(!isAnswered)
        scheduler.advance(by: 1)
        #expect(isAnswered)
    }

    @Test func anUnknownMechanismIsRefusedWithTheList() throws {
        let answer = try handshake("SCRAM-SHA-256")
        #expect(answer.errorCode == ErrorCode.unsupportedSASLMechanism.rawValue && answer.mechanisms == ["PLAIN"] && session.mustClose)
    }

    @Test func whatComesOutOfOrderIsRefused() throws {
        #expect(try authenticate("\0alice\0secret").errorCode == ErrorCode.illegalSASLState.rawValue)
        #expect(session.mustClose && !session.isAuthenticated)
        let other = try SASLTests()
        #expect(try other.handshake().errorCode == 0)
        #expect(try other.handshake().errorCode == ErrorCode.illegalSASLState.rawValue)
        #expect(other.session.mustClose)
    }

    @Test func aBrokerWithoutMechanismsAuthenticatesNobodyAndGoesOn() throws {
        let open = try SASLTests(mechanisms: [])
        #expect(!open.api.isAwaited(open.session))
        #expect(try open.handshake().errorCode == ErrorCode.illegalSASLState.rawValue)
        #expect(try open.authenticate("\0alice\0secret").errorCode == ErrorCode.illegalSASLState.rawValue)
        #expect(!open.session.mustClose && !open.session.isAuthenticated)
    }

    @Test func anAuthenticatedClientStaysWhoItIs() throws {
        _ = try handshake()
        _ = try authenticate("\0alice\0secret")
        #expect(try handshake(version: 0).errorCode == ErrorCode.illegalSASLState.rawValue)
        #expect(!session.mustClose)
        #expect(try handshake().errorCode == 0)
        #expect(try authenticate("\0alice\0secret").errorCode == 0)
        #expect(try handshake().errorCode == 0)
        #expect(try authenticate("\0bob\0other").errorCode == ErrorCode.saslAuthenticationFailed.rawValue)
        #expect(session.principal == "User:alice" && session.mustClose)
    }

    @Test func aBareTokenFollowsTheOldHandshake() throws {
        #expect(try handshake(version: 0).errorCode == 0)
        #expect(session.saslStage == .bareToken)
        var answer: Bool?
        api.take(bareToken: Array("\0bob\0other".utf8), session) { answer = $0 }
        #expect(answer == true && session.principal == "User:bob" && session.saslStage == .none)
    }

    /// Random bytes of the token's alphabet: a token is taken apart exactly as RFC 4616 writes it, and nothing traps.
    @Test func tokensAreReadAsTheyAreWritten() {
        var random = SplitMix(4_616)
        for _ in 0..<20_000 {
            let token = (0..<Int.random(in: 0...12, using: &random)).map { _ in
                [0, 0, 97, 98, 0xff, 0xc3].randomElement(using: &random)! as UInt8
            }
            let parts = token.split(separator: 0, omittingEmptySubsequences: false).map(Array.init)
            let isRight =
                parts.count == 3 && !parts[1].isEmpty && !parts[2].isEmpty && (parts[0].isEmpty || parts[0] == parts[1])
                && parts[1...].allSatisfy { String(validating: $0, as: UTF8.self) != nil }
            let read = try? PlainToken(token)
            #expect((read != nil) == isRight)
            if let read { #expect(Array(read.name.utf8) == parts[1] && read.password == parts[2]) }
        }
    }
}

@Suite struct SecurityAdviceTests {
    private func warnings(_ text: String, _ address: String) throws -> [String] {
        try BrokerConfiguration(text: text, file: "f").securityWarnings(try #require(ListenAddress(address)))
    }

    @Test func theOperatorIsWarnedOfWhatIsOpen() throws {
        let plain = "sasl.enabled.mechanisms=PLAIN\n"
        let acls = "authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer\nsuper.users=User:admin\n"
        #expect(try warnings("", "127.0.0.1:1").isEmpty)
        #expect(try warnings(plain + acls, "127.0.0.1:1").isEmpty)
        #expect(try warnings("", "0.0.0.0:1").count == 1)
        #expect(try warnings(plain, "0.0.0.0:1").first?.contains("unencrypted") == true)
        #expect(try warnings(acls, "127.0.0.1:1").first?.contains("User:ANONYMOUS") == true)
        let noAdmin = "authorizer.class.name=kafka.security.authorizer.AclAuthorizer\n"
        #expect(try warnings(plain + noAdmin, "127.0.0.1:1").first?.contains("super.users") == true)
    }

    @Test func aSuperUserIsAPrincipal() throws {
        #expect(try BrokerConfiguration(text: "super.users=User:a;b", file: "f").superUsersFault?.contains("User:b") == true)
        #expect(try BrokerConfiguration(text: "super.users=User:a", file: "f").superUsersFault == nil)
    }

    @Test func plainWithoutAnyUserDoesNotStart() throws {
        let configuration = try BrokerConfiguration(text: "sasl.enabled.mechanisms=PLAIN", file: "f")
        let metadata = MetadataLog(MemoryStateLog())
        let error = #expect(throws: BrokerStartError.self) { try BrokerSecurity(configuration, metadata, MetadataSnapshot(), users: nil) }
        #expect(error?.description.contains("--users") == true)
        _ = try BrokerSecurity(configuration, metadata, MetadataSnapshot(), users: [User(name: "a", password: [98])])
        _ = try BrokerSecurity(configuration, metadata, try metadata.load(), users: nil)
    }
}
