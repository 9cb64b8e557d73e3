import BotKit
import Envelopes
import FoundationEssentials

/// What the bot's state topic says of one run that is under way: enough to call `handle` again after a crash and get the same effects.
///
/// Lies in `state.<bot>` under `j/<topic>/<partition>/<offset>` of the input record; a tombstone ends it.
struct JournalEntry: Codable, Equatable {
    /// The id of the event. Another one may lie at its offset, where the topic was made anew.
    var event: String?
    /// The instant that `handle` was told, in milliseconds since 1970.
    var now: Int64
    var attempt: Int
    /// When an attempt failed first, in milliseconds since 1970.
    var firstFailure: Int64?
    /// How often the run was taken up again after a process had ended in the midst of its calls.
    var resumes = 0
    /// How many events of each type this attempt, with the step at hand, and those before it have made visible.
    var produced: [String: Int] = [:]
    /// The calls that were opened, in order, as JSON.
    var calls: [JSONValue] = []
    /// The calls that came back, in the order in which the bot was told.
    var outcomes: [Outcome] = []

    struct Outcome: Codable, Equatable {
        /// Index into `calls`.
        var call: Int
        /// The instant that `handle` was told.
        var now: Int64
        var response: JSONValue?
        var failure: CallFailure?
    }
}

extension CallOutcome {
    /// The outcome as the journal keeps it.
    func recorded(call: Int, now: Timestamp) throws -> JournalEntry.Outcome {
        switch self {
        case .failure(let failure): return .init(call: call, now: now.milliseconds, response: nil, failure: failure)
        case .success(let value):
            let response = try JSONCoder.decode(JSONValue.self, from: JSONCoder.bytes(value))
            return .init(call: call, now: now.milliseconds, response: response, failure: nil)
        }
    }

    /// The outcome that the journal kept for `call`.
    static func recorded(_ outcome: JournalEntry.Outcome, of call: any BotCall) throws -> CallOutcome {
        if let failure = outcome.failure { return .failure(failure) }
        func response<Request: CallRequest>(to _: Request) throws -> any Codable & Sendable & Equatable {
            try JSONCoder.decode(Request.Response.self, from: JSONCoder.bytes(outcome.response ?? .null))
        }
        return .success(try response(to: call.request))
    }
}

extension BotCall {
    /// The call as the journal keeps it.
    func recorded() throws -> JSONValue { try JSONCoder.decode(JSONValue.self, from: JSONCoder.bytes(self)) }
}
