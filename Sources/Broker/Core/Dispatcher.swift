import KafkaProtocol

/// Knows who answers which request.
public struct Dispatcher {
    /// Gets the parts of the answer's frame; nil when the request takes no answer (Produce without acknowledgement), or one that is too large to be sent. Called
    /// exactly once, on the broker's thread, at once or later.
    public typealias Reply = ([MessageWriter.Part]?) -> Void
    private typealias Handler = (RequestHeader, MessageReader, RequestContext, @escaping Reply) throws -> Void

    private var handlers: [APIKey: Handler] = [:]

    public init() {}

    /// Names who answers a request.
    public mutating func on<Request: APIRequest>(
        _ type: Request.Type, _ handler: @escaping (Request, RequestContext, _ reply: @escaping (Request.Response) -> Void) -> Void
    ) {
        onOptional(type) { request, context, reply in handler(request, context) { reply($0) } }
    }

    /// The same for what is answered at once.
    public mutating func on<Request: APIRequest>(_ type: Request.Type, _ handler: @escaping (Request, RequestContext) -> Request.Response) {
        on(type) { request, context, reply in reply(handler(request, context)) }
    }

    /// The same for a request that may take no answer.
    public mutating func onOptional<Request: APIRequest>(
        _ type: Request.Type, _ handler: @escaping (Request, RequestContext, _ reply: @escaping (Request.Response?) -> Void) -> Void
    ) {
        precondition(handlers[Request.api] == nil, "\(Request.api.name) has two handlers")
        handlers[Request.api] = { header, reader, context, reply in
            var reader = reader
            var request = Request()
            // What follows the message is passed over, as Kafka does: librdkafka's Metadata for all topics leaves three bytes behind.
            try request.code(&reader)
            handler(request, context) { response in
                guard let response else { return reply(nil) }
                let parts = MessageWriter.response(response, correlationID: header.correlationID, version: header.apiVersion)
                // No error says that an answer is too large.
                if parts == nil { context.session.mustClose = true }
                reply(parts)
            }
        }
    }

    /// Everything that is answered.
    public var apis: [APIKey] { handlers.keys.sorted { $0.rawValue < $1.rawValue } }

    /// Answers ApiVersions with all that was registered before.
    mutating func registerAPIVersions() {
        on(ApiVersionsRequest.self) { _, _ in ApiVersionsResponse() }
        let response = apiVersions
        handlers[.apiVersions] = nil
        on(ApiVersionsRequest.self) { request, context in
            guard context.version < 3 || request.namesItsClient else {
                var refusal = ApiVersionsResponse()
                refusal.errorCode = ErrorCode.invalidRequest.rawValue
                return refusal
            }
            return response
        }
    }

    /// What clients are told.
    var apiVersions: ApiVersionsResponse {
        var response = ApiVersionsResponse()
        response.apiKeys = apis.map { api in
            var versions = ApiVersionsResponse.ApiVersion()
            versions.apiKey = api.rawValue
            versions.minVersion = api.advertisedVersions.lowerBound
            versions.maxVersion = api.advertisedVersions.upperBound
            return versions
        }
        return response
    }

    /// Reads the request and lets it be answered. Throws when its bytes are wrong: the connection cannot go on then.
    func dispatch(_ header: RequestHeader, _ reader: MessageReader, _ context: RequestContext, reply: @escaping Reply) throws {
        guard let api = APIKey(rawValue: header.apiKey), let handler = handlers[api] else {
            throw WireError("request \(header.apiKey) is not known", at: 0)
        }
        guard api.versions.contains(header.apiVersion) else {
            throw WireError("version \(header.apiVersion) of \(api.name) is not known", at: 2)
        }
        try handler(header, reader, context, reply)
    }
}

extension ApiVersionsRequest {
    /// Whether the client's name and version are letters, digits, and between them dots and dashes (KIP-511).
    var namesItsClient: Bool { Self.isName(clientSoftwareName) && Self.isName(clientSoftwareVersion) }

    private static func isName(_ text: String) -> Bool {
        let isAlphanumeric = { (character: Character?) in
            character?.isASCII == true && (character?.isLetter == true || character?.isNumber == true)
        }
        return isAlphanumeric(text.first) && isAlphanumeric(text.last) && text.allSatisfy { isAlphanumeric($0) || $0 == "." || $0 == "-" }
    }
}
