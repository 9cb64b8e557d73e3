import BotKit
import Envelopes
import FoundationEssentials
import Glibc

/// Answers each request like BenchBot; refuses poison, and calls something first, takes its time or fails at first where it is told to.
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
    static let contract = Contract.answering("ChaosBot", summary: summary, calls: Call.kinds, retry: retry(.topic))
    private static let summary = "Answers the requests of a chaos run."
    /// The field of a request that makes it poison.
    static let poison = "poison"
    /// How many calls one process makes at a time.
    static let concurrentCalls = 500
    /// So many calls fail in a row before the others are held back.
    static let failuresToOpen = 5
    /// The field of an answer that says at which attempt it was given; only where that was not the first.
    static let attempt = "attempt"
    /// What a refused request's dead letter says.
    static let poisonCode = "poison"

    /// What it does beside answering.
    struct Habits {
        /// Whether each request takes a call.
        var calls = false
        /// How long the decision on each hundredth request takes.
        var handleMilliseconds = 0
        /// Of a thousand requests, so many fail at first.
        var transientPerMille = 0
        var retry = RetryPolicy.Mode.topic

        /// How often a request fails before it is answered: by its number alone, so that every process says the same.
        func failures(_ sequence: Int64) -> Int {
            // Spread by a multiplication: neighbours would all be of one key's turn.
            let spread = UInt64(bitPattern: sequence) &* 0x9E37_79B9_7F4A_7C15 >> 32
            guard spread % 1_000 < UInt64(transientPerMille) else { return 0 }
            return spread % 2 == 0 ? 1 : 2
        }
    }

    let contract: Contract
    private let output: EventType
    private let habits: Habits

    init(configuration: BotConfiguration) {
        self.init(name: configuration.name, input: BenchRequest.type, output: BenchResponse.type, Habits())
    }

    init(name: String, input: EventType, output: EventType, _ habits: Habits) {
        contract = .answering(
            name, summary: Self.summary, input: input, output: output, calls: habits.calls ? Call.kinds : [],
            retry: Self.retry(habits.retry))
        self.output = output
        self.habits = habits
    }

    /// What is tried again waits no longer.
    static let longestDelaySeconds: Int64 = 5

    /// A dependency that fails for a minute must not use up a record's attempts before the breaker holds the calls back.
    private static func retry(_ mode: RetryPolicy.Mode) -> RetryPolicy {
        RetryPolicy(
            mode: mode, maximumAttempts: 20, backoff: .exponential, initialDelay: .milliseconds(200),
            maximumDelay: .seconds(longestDelaySeconds))
    }

    func handle(_ input: Input<Call>, state: inout Never?, context: Context) throws(Rejection) -> [Effect<Output, Call>] {
        switch input {
        case .event(let event):
            let request = try event.decode(BenchRequest.self)
            if request.fields[Self.poison] != nil { throw .permanent(Self.poisonCode, "the request is poison") }
            if habits.handleMilliseconds > 0, request.sequence % 100 == 50 { usleep(UInt32(habits.handleMilliseconds) * 1_000) }
            if context.attempt <= habits.failures(request.sequence) { throw .transient("not-yet", "the request fails at first") }
            return habits.calls ? [.perform(.work(ChaosWork(sequence: request.sequence)))] : [answer(request, context)]
        case .finished(let call, let outcome, let event):
            guard case .work(let work) = call else { return [] }
            switch outcome.response(to: work) {
            case .failure(let failure): throw failure.rejection
            case .success: return [answer(try event.decode(BenchRequest.self), context)]
            }
        case .reminder: return []
        }
    }

    private func answer(_ request: BenchRequest, _ context: Context) -> Effect<Output, Call> {
        var fields = request.fields
        if context.attempt > 1 { fields[Self.attempt] = .integer(Int64(context.attempt)) }
        return .produce(
            Answer(
                response: BenchResponse(repository: request.repository, sequence: request.sequence, fields: fields), eventType: output))
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
