import BotKit
import Envelopes

/// Answers each request with how many of its key there were so far: what is handled twice, or forgotten, shows in every answer that follows.
struct TotalBot: Bot {
    typealias Output = Answer<BenchResponse>
    struct State: BotState { var total: Int64 }
    static let contract = declaration(name: "TotalBot", input: BenchRequest.type, output: BenchResponse.type)
    /// The field of an answer that says how many it was.
    static let total = "total"

    let contract: Contract
    private let output: EventType

    init(configuration: BotConfiguration) { self.init(name: configuration.name, input: BenchRequest.type, output: BenchResponse.type) }

    init(name: String, input: EventType, output: EventType) {
        contract = Self.declaration(name: name, input: input, output: output)
        self.output = output
    }

    private static func declaration(name: String, input: EventType, output: EventType) -> Contract {
        Contract(
            name: name, summary: "Counts the requests of each key.", consumes: [input], produces: [output], never: ["decide anything"])
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
