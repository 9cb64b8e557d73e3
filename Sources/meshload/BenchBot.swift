import BotKit
import Envelopes

/// Answers each request with its own payload: what a bot costs that decides nothing.
struct BenchBot: Bot {
    typealias Output = Answer<PassedPayload>
    static let contract = Contract.answering("BenchBot", summary: summary)
    private static let summary = "Answers the requests of a load test."

    let contract: Contract
    private let output: EventType

    init(configuration: BotConfiguration) { self.init(name: configuration.name, input: BenchRequest.type, output: BenchResponse.type) }

    /// A bot of another name, and between other topics than the catalogue's.
    init(name: String, input: EventType, output: EventType) {
        contract = .answering(name, summary: Self.summary, input: input, output: output)
        self.output = output
    }

    func handle(_ input: Input<Never>, state: inout Never?, context: Context) throws(Rejection) -> [Effect<Output, Never>] {
        guard case .event(let event) = input else { return [] }
        let request = try event.decode(Request.self)
        return [.produce(Answer(response: PassedPayload(of: event.envelope, key: request.repository), eventType: output))]
    }

    /// What the bot wants of a request; the answer has all of it.
    private struct Request: EventPayload {
        static let type = BenchRequest.type
        let repository: String
        let sequence: Int64
        var key: String? { repository }
    }
}
