import BotKit
import Envelopes

/// What the bots of load tests and chaos runs produce: an answer to a request, on the topic that the bot was told.
struct Answer<Payload: EventPayload>: BotOutput {
    static var types: [EventType] { [BenchResponse.type] }
    let response: Payload
    let eventType: EventType
    var payload: any EventPayload { response }
}

extension Contract {
    /// That of a bot which answers requests.
    static func answering(
        _ name: String, summary: String, input: EventType = BenchRequest.type, output: EventType = BenchResponse.type,
        calls: [CallKind] = [], retry: RetryPolicy = .standard, never: [String] = ["decide anything"]
    ) -> Contract {
        Contract(name: name, summary: summary, consumes: [input], produces: [output], calls: calls, retry: retry, never: never)
    }
}
