/// One thing that was done to the outside, or by a person: a record on `mesh.audit`, keyed by the actor.
///
/// The records of one actor form a chain: `hash` is the SHA-256 of `previousHash`, a line feed, and the record's JSON with an empty `hash` (keys sorted, no spaces,
/// slashes not escaped). A process begins a chain of its own with `sequence` 0, and links it to the last record that the actor has on the topic: `link`
/// says whether `previousHash` is that record's, and why not otherwise.
public struct AuditRecord: Codable, Sendable, Equatable {
    public static let topic = "mesh.audit"
    /// The outcome of a deed that was not done.
    public static let refused = "refused"

    /// The bot's instance (`BuildBot-2`) or the person (`alice`).
    public var actor: String
    /// Identifies the chain: the process that writes it, e.g. `BuildBot-2/host/4711/2026-01-01T00:00:00.000Z`.
    public var chain: String
    public var sequence: Int
    /// `call.started`, `call.finished`, or what a person did, e.g. `deploy.approved`.
    public var action: String
    /// What it was done to: the kind of call, or the id that a person named.
    public var subject: String
    /// success, cancelled, timed-out, transient, permanent or, of what a person asked for and the mesh did not do, refused; nil where nothing ended.
    public var outcome: String?
    /// The failure's, or the refusal's, code; nil for a success.
    public var code: String?
    public var runID: String?
    public var correlationID: String?
    /// The call's idempotency key.
    public var idempotencyKey: String?
    /// Whether an earlier process may have begun the same call.
    public var isRepeat: Bool?
    public var durationSeconds: Double?
    /// The call's response, or its failure, for replays; nil where it is not kept.
    public var result: JSONValue?
    /// The replay that it happened in; nil for what happened for the first time.
    public var replay: String?
    /// RFC 3339.
    public var at: String
    /// How the chain begins; only in its first record, and nil in those of meshes that did not link yet.
    public var link: Link?
    /// So many records before it could not be written: they are in no chain. nil: none.
    public var lost: Int?
    /// The `hash` of the record before: in the chain, or, for a first record with `link` continued, of the actor's chain before. Else empty.
    public var previousHash: String
    /// Lower-case hexadecimal.
    public var hash: String

    /// What the first record of a chain knows of the actor's chain before it.
    public enum Link: String, Codable, Sendable, CaseIterable {
        /// There was none.
        case first
        /// `previousHash` is the hash of its last record.
        case continued
        /// It could not be read.
        case unknown
    }

    public init(
        actor: String, chain: String, sequence: Int, action: String, subject: String, outcome: String? = nil, code: String? = nil,
        runID: String? = nil, correlationID: String? = nil, idempotencyKey: String? = nil, isRepeat: Bool? = nil,
        durationSeconds: Double? = nil, result: JSONValue? = nil, replay: String? = nil, at: String, link: Link? = nil, lost: Int? = nil,
        previousHash: String = "", hash: String = ""
    ) {
        self.actor = actor
        self.chain = chain
        self.sequence = sequence
        self.action = action
        self.subject = subject
        self.outcome = outcome
        self.code = code
        self.runID = runID
        self.correlationID = correlationID
        self.idempotencyKey = idempotencyKey
        self.isRepeat = isRepeat
        self.durationSeconds = durationSeconds
        self.result = result
        self.replay = replay
        self.at = at
        self.link = link
        self.lost = lost
        self.previousHash = previousHash
        self.hash = hash
    }

    public var key: String { actor }

    enum CodingKeys: String, CodingKey {
        case actor, chain, sequence, action, subject, outcome, code, result, replay, at, link, lost, hash
        case runID = "run_id"
        case correlationID = "correlation_id"
        case idempotencyKey = "idempotency_key"
        case isRepeat = "is_repeat"
        case durationSeconds = "duration_seconds"
        case previousHash = "previous_hash"
    }
}

extension AuditRecord {
    /// The record as the next of its chain.
    public func sealed(after previousHash: String) throws -> AuditRecord {
        var record = self
        record.previousHash = previousHash
        record.hash = try record.expectedHash()
        return record
    }

    /// What `hash` must be.
    public func expectedHash() throws -> String {
        var copy = self
        copy.hash = ""
        let text = String(decoding: try JSONCoder.bytes(copy), as: UTF8.self)
        return SHA256.hexadecimal(Array("\(previousHash)\n\(text)".utf8))
    }
}
