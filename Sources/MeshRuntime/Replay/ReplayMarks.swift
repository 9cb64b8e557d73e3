import BotKit
import Envelopes
import Kafka

/// What the headers of a replayed record say beside `mesh_replay`. `docs/wire-format.md` describes them.
struct ReplayMarks: Equatable {
    enum Name {
        /// `1`: calls are performed, as if the record were new.
        static let allowsCalls = "mesh_replay_calls"
        /// The id that an event would have had without the replay: under it the audit knows what the original led to.
        static let originalID = "mesh_replay_of"
    }

    let allowsCalls: Bool
    /// nil where the event itself was replayed: it has its original id.
    let originalID: String?

    /// The code of a call that has no recorded result, and of the run that ends with it.
    static let skippedCode = "replay-skipped"
    /// The code when the audit cannot be read: the run is tried again.
    static let unreadableCode = "audit-unreadable"

    init(_ headers: Headers) {
        func text(_ name: String) -> String? { headers.last { $0.name == name }?.value.map { String(decoding: $0, as: UTF8.self) } }
        allowsCalls = text(Name.allowsCalls) == "1"
        originalID = text(Name.originalID)
    }

    /// The marks that an event carries which is produced in a replay: it belongs to the replay too.
    func headers(ofProduced originalID: EventID?) -> [Header] {
        (allowsCalls ? [Header(Name.allowsCalls, text: "1")] : []) + (originalID.map { [Header(Name.originalID, text: $0.text)] } ?? [])
    }
}

extension Job {
    /// nil for a record that belongs to no replay.
    var replayMarks: ReplayMarks? { event.envelope.replay == nil ? nil : ReplayMarks(passport.headers) }

    /// The id that the input had in its original run. nil where nobody knows: of a reminder that an event of a replay set.
    var originalInputID: EventID? {
        guard let original = replayMarks?.originalID else { return inputID }
        return passport.reminder == nil ? EventID(original) : nil
    }
}
