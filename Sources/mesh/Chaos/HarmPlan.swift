import Envelopes

/// What `mesh chaos` does, when, and to whom: the same for the same seed and the same instances.
struct HarmPlan: Sendable {
    enum Fault: String, Sendable {
        case kill, freeze
    }
    let fault: Fault
    let targets: [Target]
    /// Between two faults.
    let interval: Duration
    /// Of the whole run; the first fault comes at its beginning.
    let duration: Duration
    /// How long a frozen process stays frozen.
    let frozen: Duration
    private var random: SplitMix

    init(fault: Fault, targets: [Target], interval: Duration, duration: Duration, frozen: Duration, seed: UInt64) {
        self.fault = fault
        self.targets = targets
        self.interval = interval
        self.duration = duration
        self.frozen = frozen
        random = SplitMix(state: seed)
    }

    /// How many faults there are.
    var count: Int { max(1, Int((duration / interval).rounded(.up))) }

    /// Since the beginning of the run.
    func time(of step: Int) -> Duration { interval * step }

    /// Who is harmed next; nil when nobody can be. One that is chosen and harmed already is left out by the caller.
    mutating func choose(among candidates: [Instance]) -> Instance? {
        let chosen = random.next()
        let own = candidates.filter { candidate in targets.contains { $0.includes(candidate) } }
            .sorted { ($0.bot, $0.replica) < ($1.bot, $1.replica) }
        return own.isEmpty ? nil : own[Int(chosen % UInt64(own.count))]
    }
}

/// Whether an instance had nothing to do when it was harmed: then what the mesh did about it shows little.
enum Idleness {
    /// Why it was idle, in words; nil when it was not.
    static func reason(_ record: InstanceRecord) -> String? {
        guard record.openCalls == 0 else { return nil }
        if record.partitions.isEmpty { return "it owned no partition, so nothing has to move" }
        guard record.recordsPerSecond == 0, (record.queueDepth ?? 0) == 0 else { return nil }
        return "it had nothing to do for a minute, so little has to be made good"
    }
}

/// Random numbers that are the same for the same seed. Source: SplitMix64, Steele, Lea and Flood 2014.
struct SplitMix: Sendable {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
