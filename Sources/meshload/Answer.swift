import BotKit
import Envelopes

/// What the bots of load tests and chaos runs produce: an answer to a request, on the topic that the bot was told.
struct Answer<Payload: EventPayload>: BotOutput {
    static var types: [EventType] { [BenchResponse.type] }
    let response: Payload
    let eventType: EventType
    var payload: any EventPayload { response }
}
