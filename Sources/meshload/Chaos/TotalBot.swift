import BotKit
import Envelopes

/// Answers each request with how many of its key there were so far: what is handled twice, or forgotten, shows in every answer that follows.
struct TotalBot: Bot {
    typealias Output = Answer<BenchResponse>
    struct State: BotState { var total: Int64 }
    static let contract = Contract.answering("TotalBot", summary: summary, never: never)
    private static let summary = "Counts the requests of each key."
    private static let never = ["count a request twice"]
    /// The field of an answer that says how many it was.
    static let total = "total"

    let contract: Contract
    private let output: EventType

    init(configuration: BotConfiguration) { self.init(name: configuration.name, input: BenchRequest.type, output: BenchResponse.type) }

    init(name: String, input: EventType, output: EventType) {
        contract = .answering(name, summary: Self.summary, input: input, output: output, never: Self.never)
        self.output = output
    }

    func handle(_ input: Input<Never>, state: inout State?, context: Context) throws(Rejection) -> [Effect<Output, Never>] {
        guard case .event(let event) = input else { return [] }
        let request = try event.decode(BenchRequest.self)
        let total = (state?.total ?? 0) + 1
        state = State(total: total)
        var fields = request.fields
        fields[Self.total] = .integer(total)
        let response = BenchResponse(repository: request.repository, sequence: request.sequence, fields: fields)
        return [.produce(Answer(response: response, eventType: output))]
    }
}
