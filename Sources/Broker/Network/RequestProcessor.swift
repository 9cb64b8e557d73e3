import KafkaProtocol

/// Takes a frame to who answers it, past what holds for every request: versions, who is asking, injected faults, and the figures.
final class RequestProcessor {
    enum Answer {
        case send([MessageWriter.Part])
        case sendAndClose([MessageWriter.Part])
        /// The request takes no answer.
        case nothing
        case close
    }

    /// Told of every answered request.
    var observe: (RequestFigures) -> Void = { _ in }
    var faults: FaultInjector?
    private let dispatcher: Dispatcher
    private let sasl: SASLAPI
    private let microseconds: () -> Int64

    /// What anybody may ask before saying who they are.
    private static let open: Set<APIKey> = [.apiVersions, .saslHandshake, .saslAuthenticate]

    init(dispatcher: Dispatcher, sasl: SASLAPI, microseconds: @escaping () -> Int64) {
        self.dispatcher = dispatcher
        self.sasl = sasl
        self.microseconds = microseconds
    }

    /// The largest frame that is read of the connection now, below the limit for all.
    func maximumRequestBytes(_ session: Session) -> Int { sasl.isAwaited(session) ? SASLAPI.maximumRequestBytes : .max }

    /// Throws what is wrong with the frame; the connection has to be closed then.
    func process(_ frame: [UInt8], _ session: Session, _ finish: @escaping (Answer) -> Void) throws {
        if session.saslStage == .bareToken {
            // The answer is a frame without anything in it.
            return sasl.take(bareToken: frame, session) { finish($0 ? .send([.bytes([0, 0, 0, 0])]) : .close) }
        }
        let (header, reader) = try RequestHeader.read(frame)
        guard let api = APIKey(rawValue: header.apiKey) else { throw WireError("request \(header.apiKey) is not known", at: 0) }
        if api == .apiVersions, !api.versions.contains(header.apiVersion) {
            return finish(oldestApiVersions(header).map { .send($0) } ?? .close)
        }
        if !Self.open.contains(api), sasl.isAwaited(session) {
            throw WireError("\(api.name) came before authentication", at: 0)
        }
        let start = microseconds()
        let done: (Answer) -> Void = { [self] answer in
            var size = 0
            if case .send(let parts) = answer { for part in parts { size += part.count } }
            observe(RequestFigures(api: api, microseconds: microseconds() - start, bytesIn: frame.count + 4, bytesOut: size))
            finish(answer)
        }
        session.clientID = header.clientID ?? ""
        let context = RequestContext(version: header.apiVersion, clientID: session.clientID, session: session)
        guard let faults, let fault = faults.fault(api, clientID: context.clientID) else {
            return try answer(header, reader, context, done)
        }
        try faults.inflict(fault, api, header, reader, done) { [self] in
            // The frame was read before; what is wrong in it now shows as a closed connection.
            do { try answer(header, reader, context, done) } catch { done(.close) }
        }
    }

    private func answer(_ header: RequestHeader, _ reader: MessageReader, _ context: RequestContext, _ done: @escaping (Answer) -> Void)
        throws
    {
        try dispatcher.dispatch(header, reader, context) { parts in
            if context.session.mustClose {
                done(parts.map { .sendAndClose($0) } ?? .close)
            } else {
                done(parts.map { .send($0) } ?? .nothing)
            }
        }
    }

    /// A client that knows a newer ApiVersions than we do gets the oldest answer, which everybody can read, with all that it needs to ask again.
    private func oldestApiVersions(_ header: RequestHeader) -> [MessageWriter.Part]? {
        var response = dispatcher.apiVersions
        response.errorCode = ErrorCode.unsupportedVersion.rawValue
        return MessageWriter.response(response, correlationID: header.correlationID, version: 0)
    }

}
