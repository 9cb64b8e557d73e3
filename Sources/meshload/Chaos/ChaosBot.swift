import BotKit
import Envelopes
import FoundationEssentials

/// Answers each request like BenchBot; refuses poison, and calls something first where it is told to.
struct ChaosBot: Bot {
    typealias Output = Answer<BenchResponse>
    enum Call: BotCall {
        case work(ChaosWork)
        static let kinds: [CallKind] = [ChaosWork.kind]
        var request: any CallRequest {
            switch self {
            case .work(let work): work
            }
        }
    }
    static let contract = declaration(name: "ChaosBot", input: BenchRequest.type, output: BenchResponse.type, calls: Call.kinds)
    /// The field of a request that makes it poison.
    static let poison = "poison"
    /// How many calls one process makes at a time.
    static let concurrentCalls = 500
    /// What a refused request's dead letter says.
    static let poisonCode = "poison"

    let contract: Contract
    private let output: EventType
    private let calls: Bool

    init(configuration: BotConfiguration) {
        self.init(name: configuration.name, input: BenchRequest.type, output: BenchResponse.type, calls: false)
    }

    /// `calls`: whether each request takes a call.
    init(name: String, input: EventType, output: EventType, calls: Bool) {
        contract = Self.declaration(name: name, input: input, output: output, calls: calls ? Call.kinds : [])
        self.output = output
        self.calls = calls
    }

    /// A dependency that fails for a minute must not use up a record's attempts before the breaker holds the calls back.
    private static func declaration(name: String, input: EventType, output: EventType, calls: [CallKind]) -> Contract {
        Contract(
            name: name, summary: "Answers the requests of a chaos run.", consumes: [input], produces: [output], calls: calls,
            retry: RetryPolicy(maximumAttempts: 20, backoff: .exponential, initialDelay: .milliseconds(200), maximumDelay: .seconds(5)),
            never: ["decide anything"])
    }

    func handle(_ input: Input<Call>, state: inout Never?, context: Context) throws(Rejection) -> [Effect<Output, Call>] {
        switch input {
        case .event(let event):
            let request = try event.decode(BenchRequest.self)
            if request.fields[Self.poison] != nil { throw .permanent(Self.poisonCode, "the request is poison") }
            return calls ? [.perform(.work(ChaosWork(sequence: request.sequence)))] : [answer(request)]
        case .finished(let call, let outcome, let event):
            guard case .work(let work) = call else { return [] }
            switch outcome.response(to: work) {
            case .failure(let failure): throw failure.rejection
            case .success: return [answer(try event.decode(BenchRequest.self))]
            }
        case .reminder: return []
        }
    }

    private func answer(_ request: BenchRequest) -> Effect<Output, Call> {
        .produce(
            Answer(
                response: BenchResponse(repository: request.repository, sequence: request.sequence, fields: request.fields),
                eventType: output))
    }
}

/// The outside work of a chaos run.
struct ChaosWork: CallRequest {
    struct Response: Codable, Sendable, Equatable {}
    static let kind: CallKind = "chaos.work"
    let sequence: Int64
    var timeLimit: Duration { .seconds(300) }
}

/// Takes its time, and fails while a file is there.
struct ChaosPerformer: CallPerformer {
    let milliseconds: Int
    /// The dependency is down while this file exists; nil: it never is.
    let downFile: String?

    func perform(_ request: ChaosWork, _ context: CallContext) async throws(CallFailure) -> ChaosWork.Response {
        do { try await Task.sleep(for: .milliseconds(milliseconds)) } catch {
            throw CallFailure(.cancelled, code: "cancelled", message: "the work was cancelled")
        }
        if let downFile, FileManager.default.fileExists(atPath: downFile) {
            throw CallFailure(.transient, code: "unavailable", message: "the dependency is down")
        }
        return ChaosWork.Response()
    }
}
