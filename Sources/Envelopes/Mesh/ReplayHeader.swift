/// The headers that mark a replayed record, and what it leads to. `docs/wire-format.md` describes them.
public enum ReplayHeader {
    /// The replay's id: part of the record's identity.
    public static let replay = "mesh_replay"
    /// Where the record was read: `code.committed[3]@10482`.
    public static let origin = "mesh_replay_origin"
    /// Its timestamp there, in milliseconds since 1970.
    public static let timestamp = "mesh_replay_timestamp"
    /// `1`: bots perform calls for it, as if it were new.
    public static let calls = "mesh_replay_calls"
    /// The id that an event would have had without the replay: under it the audit knows what the original led to.
    public static let originalID = "mesh_replay_of"
}
