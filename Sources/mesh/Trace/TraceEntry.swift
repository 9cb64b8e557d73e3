import Envelopes

/// One thing that happened in a run.
struct TraceEntry {
    enum Kind: String {
        case event, retry, call
        case deadLetter = "dead_letter"
        /// What a person did, as the audit tells.
        case person
    }

    var kind: Kind
    var time: Timestamp
    /// `topic[partition]@offset` of the record that tells of it.
    var place: String
    /// Of an event, a retry or a dead letter: the event's type. Of a call: its kind.
    var name: String
    /// Who wrote the event, put it off, gave it up, or called.
    var by: String
    /// The event's id; nil for a call, and for a dead letter that cannot be read.
    var id: String?
    /// What the event's envelope says that led to it.
    var causationID: String?
    /// Of a call: the run that asked for it.
    var runID: String?
    /// What people read beside the name.
    var detail: String
    /// How long the call took, in seconds from 0 to a thousand million; nil where it has not come back.
    var duration: Double?
    /// Of a call: its idempotency key.
    var callKey: String?
    /// A call that was answered from the audit.
    var isRecalled = false
    /// A call that has not come back.
    var isOpen = false
    /// It went wrong.
    var isFailure = false
    var replay: String?
    var artifact: TraceArtifact?
    /// The number of the entry that led to it; set when the timeline is made.
    var cause: Int?

    /// `duration`, to the millisecond.
    var took: Duration? { duration.map { .milliseconds(Int64($0 * 1000)) } }

    /// What a record says that a call took, as far as that can be: anybody who writes to the audit chooses the number.
    static func inRange(_ seconds: Double) -> Double { seconds > 0 ? min(seconds, 1e9) : 0 }
}

/// A thing that the run made.
struct TraceArtifact: Hashable {
    var url: String
    var sha256: String
    var bytes: Int64
}

/// What one step printed: how much, and its last lines.
struct TraceLog {
    var step: String
    var runID: String
    var by: String
    var lines: Int
    var excerpt: [String]
}
