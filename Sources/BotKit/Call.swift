import Envelopes

/// The name of a kind of outside work, e.g. `git.checkout`.
public struct CallKind: Hashable, Sendable, CustomStringConvertible, ExpressibleByStringLiteral, Codable {
    public let name: String
    public init(stringLiteral name: String) { self.name = name }
    public init(_ name: String) { self.name = name }
    public var description: String { name }

    /// Whether each server that is called is a dependency of its own (`CallRequest.dependency(at:)`).
    public var isByServer: Bool { [HTTPCall.kind, BuildRun.kind, ProbeRequest.kind, MetricsScrape.kind].contains(self) }
}

/// A request for one piece of outside work: plain data, written into the bot's journal before the work begins.
///
/// Requests and responses are declared in `BotKit/Requests`; the target `Calls` performs them.
public protocol CallRequest: Codable, Sendable, Equatable {
    associatedtype Response: Codable, Sendable, Equatable
    static var kind: CallKind { get }
    /// The most that the work may take.
    var timeLimit: Duration { get }
    /// What outside has to work for it: calls of one dependency share a circuit breaker. By default the kind's name.
    var dependency: String { get }
    /// Whether the audit keeps results, so that a replay is answered with them. By default it does; not where they may be anything, also a secret.
    static var isResultRecorded: Bool { get }
}

extension CallRequest {
    public var dependency: String { Self.kind.name }
    public static var isResultRecorded: Bool { true }

    /// One a server, e.g. `http:docs.example.org` or `http:10.0.0.7:8080`: that one is down says nothing of the others. The kind's name where the URL has no host.
    static func dependency(at url: String) -> String { host(of: url).map { "\(kind.name):\($0)" } ?? kind.name }

    /// Host and port of a URL, or of git's `user@host:path`, in lower case and without what stands before an `@`; nil when there is none.
    private static func host(of url: String) -> String? {
        let authority: Substring
        if let scheme = url.firstRange(of: "://") {
            authority = url[scheme.upperBound...].prefix { !"/?#\\".contains($0) }
        } else {
            authority = url.prefix { $0 != ":" && $0 != "/" }
            guard authority.contains("@"), authority.endIndex < url.endIndex, url[authority.endIndex] == ":" else { return nil }
        }
        let host = authority.split(separator: "@", omittingEmptySubsequences: false).last ?? authority
        return host.isEmpty || host.utf8.count > 255 ? nil : host.lowercased()
    }
}

/// The outside work that one bot can ask for: an enum with one case a kind.
public protocol BotCall: Codable, Sendable, Equatable {
    /// Every kind that a value of this enum can have.
    static var kinds: [CallKind] { get }
    var request: any CallRequest { get }
}

extension Never: BotCall {
    public static var kinds: [CallKind] { [] }
    public var request: any CallRequest { switch self {} }
}

/// How a call ended.
public enum CallOutcome: Sendable {
    case success(any Codable & Sendable & Equatable)
    case failure(CallFailure)

    /// The response to `request`, which must be the request that this is the outcome of.
    public func response<Request: CallRequest>(to request: Request) -> Result<Request.Response, CallFailure> {
        switch self {
        case .failure(let failure): return .failure(failure)
        case .success(let value):
            guard let response = value as? Request.Response else {
                preconditionFailure("\(Request.kind) was answered with \(type(of: value)), not \(Request.Response.self)")
            }
            return .success(response)
        }
    }
}

/// Why a call did not give a response.
public struct CallFailure: Error, Codable, Sendable, Equatable, CustomStringConvertible {
    public enum Kind: String, Codable, Sendable {
        /// It may work later: a network error, a busy server.
        case transient
        /// It will not work however often it is tried: a refused address, a missing commit.
        case permanent
        /// Somebody asked to cancel the run.
        case cancelled
        /// The time limit ran out.
        case timedOut = "timed-out"
    }
    public let kind: Kind
    /// A short stable word for programs, e.g. `commit-not-found`.
    public let code: String
    /// For people. Never a secret.
    public let message: String
    /// Who asked for the cancellation, as the request names them; nil for everything else.
    public let requestedBy: String?

    public init(_ kind: Kind, code: String, message: String, requestedBy: String? = nil) {
        self.kind = kind
        self.code = code
        self.message = message
        self.requestedBy = requestedBy
    }

    public var description: String { "\(message) (\(code))" }

    /// Whether it says nothing of what is outside: the machine or the bot's own limits are at fault. It opens no circuit breaker; on trial the next comes after a pause.
    public var isOwn: Bool { Self.ownCodes.contains(code) }
    private static let ownCodes: Set<String> = ["channel-busy", "environment-busy", "too-many-transfers", "workspace-busy"]

    /// The same as a rejection of the input that asked for the call.
    public var rejection: Rejection { Rejection(kind: kind == .transient ? .transient : .permanent, code: code, message: message) }
}

/// What a performer knows beside the request. Cancellation comes as cancellation of the Swift task: after it the performer must end its child
/// processes and return within 2 s.
public struct CallContext: Sendable {
    /// Equal for every repeat of the same call, different for every other. Sent to the outside wherever the other side can use it.
    public let idempotencyKey: String
    public let runID: String
    public let correlationID: String
    /// True when an earlier process may have begun the same call and died.
    public let isRepeat: Bool
    /// Takes a line of the work's output; it is published on the bot's `<domain>.log`. Any thread; does not block; lines over its bound are dropped and counted.
    public let log: @Sendable (LogLine) -> Void

    public init(
        idempotencyKey: String, runID: String, correlationID: String, isRepeat: Bool = false,
        log: @escaping @Sendable (LogLine) -> Void = { _ in }
    ) {
        self.idempotencyKey = idempotencyKey
        self.runID = runID
        self.correlationID = correlationID
        self.isRepeat = isRepeat
        self.log = log
    }
}

/// One line that a step printed.
public struct LogLine: Sendable, Equatable {
    public enum Stream: String, Sendable, Codable { case stdout, stderr, mesh }
    public let step: String
    public let stream: Stream
    /// Without its line end; at most 8 KiB, longer lines are cut.
    public let text: String

    public init(step: String, stream: Stream, text: String) {
        self.step = step
        self.stream = stream
        self.text = text
    }
}

/// Performs one kind of call. One instance serves many calls at once.
public protocol CallPerformer: Sendable {
    associatedtype Request: CallRequest
    func perform(_ request: Request, _ context: CallContext) async throws(CallFailure) -> Request.Response
}

/// The performers that a process has, by kind.
public struct CallPerformers: Sendable {
    private var table: [CallKind: @Sendable (any CallRequest, CallContext) async -> CallOutcome] = [:]

    public init() {}

    public var kinds: [CallKind] { Array(table.keys) }

    public mutating func register<Performer: CallPerformer>(_ performer: Performer) {
        table[Performer.Request.kind] = { request, context in
            guard let request = request as? Performer.Request else {
                preconditionFailure("\(Performer.Request.kind) was asked with \(type(of: request))")
            }
            do throws(CallFailure) {
                return .success(try await performer.perform(request, context))
            } catch {
                return .failure(error)
            }
        }
    }

    /// Performs `request` with the performer of its kind; a permanent failure when there is none.
    public func perform(_ request: any CallRequest, _ context: CallContext) async -> CallOutcome {
        let kind = type(of: request).kind
        guard let perform = table[kind] else {
            return .failure(CallFailure(.permanent, code: "no-performer", message: "this process cannot perform \(kind)"))
        }
        return await perform(request, context)
    }
}
