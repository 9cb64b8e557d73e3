extension EventID {
    /// A random id, for an event that nothing led to.
    public init(random generator: inout some RandomNumberGenerator) { self.init(UniqueID.random(using: &generator)) }

    /// The id of the `ordinal`-th event of type `type` (from 0) that `bot` produces because of `causation`. A repeat of the same handling gives the same id.
    ///
    /// `replay` is the value of the causing record's `mesh_replay`.
    public static func derived(causation: EventID, bot: String, type: EventType, ordinal: Int, replay: String? = nil) -> EventID {
        let bytes = causation.identifier.longestBytes + bot.utf8.count + type.name.utf8.count + (replay?.utf8.count ?? 0) + 24
        return EventID(
            UUIDv5.derive(bytes: bytes) { name in
                name.part(causation.identifier)
                name.part(bot)
                name.part(type.name)
                name.part(ordinal)
                if let replay { name.part(replay) }
            })
    }

    /// The id of an event that named none: derived from where it stands, so that a second read gives the same one.
    public static func derived(topic: String, partition: Int32, offset: Int64, timestamp: Timestamp?) -> EventID {
        EventID(UUIDv5.derive([topic, String(partition), String(offset), String(timestamp?.milliseconds ?? -1)]))
    }

    /// The id of `schedule.fired` for `bot`'s schedule `pattern` at `tick`.
    public static func derived(schedule pattern: String, bot: String, tick: Timestamp) -> EventID {
        EventID(UUIDv5.derive([bot, pattern, String(tick.milliseconds)]))
    }
}

/// The id of what one bot does because of one event.
public enum RunID {
    public static func derived(event: EventID, bot: String, replay: String? = nil) -> String {
        UUIDv5.derive([event.text, bot, "run"] + (replay.map { [$0] } ?? [])).text
    }
}
