import BotKit
import Envelopes
import Kafka

/// What the headers of a replayed record say beside `mesh_replay`. `docs/wire-format.md` describes them.
struct ReplayMarks: Equatable {
    let allowsCalls: Bool
    /// nil where the event itself was replayed: it has its original id.
    let originalID: String?

    /// The code of a call that has no recorded result, and of the run that ends with it.
    static let skippedCode = "replay-skipped"
    /// The code when the audit cannot be read: the run is tried again.
    static let unreadableCode = "audit-unreadable"

    init(_ headers: Headers) {
        func text(_ name: String) -> String? { headers.last { $0.name == name }?.value.map { String(decoding: $0, as: UTF8.self) } }
        allowsCalls = text(ReplayHeader.calls) == "1"
        originalID = text(ReplayHeader.originalID)
    }

    /// The marks that an event carries which is produced in a replay: it belongs to the replay too.
    func headers(ofProduced originalID: EventID?) -> [Header] {
        (allowsCalls ? [Header(ReplayHeader.calls, text: "1")] : [])
            + (originalID.map { [Header(ReplayHeader.originalID, text: $0.text)] } ?? [])
    }
}

extension Passport {
    /// nil for a record that belongs to no replay.
    func replayMarks(of event: Event) -> ReplayMarks? { event.envelope.replay == nil ? nil : ReplayMarks(headers) }

    /// The id that the input had in its original run. nil where nobody knows: of a reminder that an event of a replay set.
    func originalInputID(of event: Event) -> EventID? {
        guard let original = replayMarks(of: event)?.originalID else { return inputID(of: event) }
        return reminder == nil ? EventID(original) : nil
    }
}
