import KafkaProtocol

/// What a connection owes on its way to saying who it is.
public enum SASLStage: Sendable, Equatable {
    /// A handshake, if anything.
    case none
    /// SaslAuthenticate.
    case authenticate
    /// A frame with nothing but a token, as clients before KIP-152 send it.
    case bareToken
}

/// Lets clients say who they are: SaslHandshake and SaslAuthenticate with the mechanism PLAIN. On the broker's thread.
final class SASLAPI {
    /// What is read of a client that has not said who it is, as Kafka's `sasl.server.max.receive.size`.
    static let maximumRequestBytes = 512 << 10

    /// Those that clients may choose; empty when nobody has to say who they are.
    private let mechanisms: [String]
    private let users: UserBook
    private let scheduler: any Scheduler
    private let failureDelayMs: Int64
    /// Told of every refused login.
    private let report: (Session, _ reason: String) -> Void

    init(
        mechanisms: [String], users: UserBook, scheduler: any Scheduler, failureDelayMs: Int64,
        report: @escaping (Session, _ reason: String) -> Void
    ) {
        self.mechanisms = mechanisms
        self.users = users
        self.scheduler = scheduler
        self.failureDelayMs = failureDelayMs
        self.report = report
    }

    /// Whether the connection has to say who it is before anything else.
    func isAwaited(_ session: Session) -> Bool { !mechanisms.isEmpty && !session.isAuthenticated }

    func register(in dispatcher: inout Dispatcher) {
        dispatcher.on(SaslHandshakeRequest.self) { [self] request, context, reply in
            let response = handshake(request, context)
            let isUnknown = response.errorCode == ErrorCode.unsupportedSASLMechanism.rawValue
            if isUnknown { fail(context.session, "unknown mechanism") { reply(response) } } else { reply(response) }
        }
        dispatcher.on(SaslAuthenticateRequest.self) { [self] request, context, reply in authenticate(request, context, reply) }
    }

    /// Takes the frame that follows a handshake of version 0.
    /// - Parameter finish: with whether the token was right; the connection ends if not.
    func take(bareToken: [UInt8], _ session: Session, _ finish: @escaping (Bool) -> Void) {
        do throws(PlainToken.Fault) {
            try logIn(bareToken, session)
            finish(true)
        } catch {
            fail(session, error.reason) { finish(false) }
        }
    }

    private func handshake(_ request: SaslHandshakeRequest, _ context: RequestContext) -> SaslHandshakeResponse {
        let session = context.session
        var response = SaslHandshakeResponse()
        response.mechanisms = mechanisms
        // The bare tokens are for the start of a connection only.
        guard !mechanisms.isEmpty, session.saslStage == .none, !(session.isAuthenticated && context.version == 0) else {
            response.errorCode = ErrorCode.illegalSASLState.rawValue
            session.mustClose = session.mustClose || isAwaited(session)
            return response
        }
        guard mechanisms.contains(request.mechanism) else {
            response.errorCode = ErrorCode.unsupportedSASLMechanism.rawValue
            return response
        }
        session.saslStage = context.version == 0 ? .bareToken : .authenticate
        return response
    }

    private func authenticate(
        _ request: SaslAuthenticateRequest, _ context: RequestContext, _ reply: @escaping (SaslAuthenticateResponse) -> Void
    ) {
        let session = context.session
        guard session.saslStage == .authenticate else {
            session.mustClose = session.mustClose || isAwaited(session)
            return reply(Self.refusal(.illegalSASLState, "SaslAuthenticate came without a SaslHandshake of version 1 before it"))
        }
        do throws(PlainToken.Fault) {
            try logIn(request.authBytes, session)
            reply(SaslAuthenticateResponse())
        } catch {
            let response = Self.refusal(.saslAuthenticationFailed, error.reason)
            fail(session, error.reason) { reply(response) }
        }
    }

    private static func refusal(_ error: ErrorCode, _ reason: String) -> SaslAuthenticateResponse {
        var response = SaslAuthenticateResponse()
        response.errorCode = error.rawValue
        response.errorMessage = reason
        return response
    }

    private func logIn(_ bytes: [UInt8], _ session: Session) throws(PlainToken.Fault) {
        let token = try PlainToken(bytes)
        guard users.isRight(token.password, of: token.name) else {
            throw PlainToken.Fault(reason: "Authentication failed: Invalid username or password")
        }
        let principal = User.principal(token.name)
        guard !session.isAuthenticated || session.principal == principal else {
            throw PlainToken.Fault(reason: "Cannot change principals during re-authentication")
        }
        session.principal = principal
        session.isAuthenticated = true
        session.saslStage = .none
    }

    /// The connection ends with the answer, which comes late, against guessing.
    private func fail(_ session: Session, _ reason: String, _ answer: @escaping () -> Void) {
        report(session, reason)
        session.mustClose = true
        scheduler.schedule(after: failureDelayMs, answer)
    }
}
