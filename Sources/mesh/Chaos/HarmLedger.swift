import Envelopes

/// What a mesh did about what was done to it: from the instances' own records, and from the lag as it was sampled.
struct HarmLedger: Sendable {
    /// One fault and what became of it.
    struct Harm: Sendable {
        let instance: Instance
        let pid: Int32
        /// What it owned then.
        let partitions: Set<String>
        let at: ContinuousClock.Instant
        /// Whether it had nothing to do then.
        var wasIdle = false
        /// When a frozen process was let go; for a killed one the same as `at`.
        var healed: ContinuousClock.Instant?
        /// The same on the wall clock, to tell records of before from those of after.
        var healedWall: Timestamp?
        var back: ContinuousClock.Instant?
        /// The first report of a row of good ones; a second one makes it the return.
        fileprivate var hopeful: (seen: String, at: ContinuousClock.Instant)?

        /// From the fault, or from its end, until it worked again and its partitions had owners; nil when that is not so.
        var timeToReturn: Duration? { back.map { (healed ?? at).duration(to: $0) } }
    }

    private(set) var harms: [Harm] = []
    private(set) var restarts = 0
    private(set) var movedPartitions = 0
    /// Records that were seen before and left out, of all processes since the beginning.
    private(set) var repeatedInputs = 0
    private(set) var lagPeak: Int64?
    /// When lag was as low as before for the last time since the last fault; nil while it is not.
    private(set) var level: ContinuousClock.Instant?
    /// The highest lag before the first fault.
    private(set) var lagBefore: Int64?

    /// What those that were alive at some time promise; what stopped or went silent before the beginning promises nothing.
    private var deliveries: Set<String> = []
    /// Whether all of them promise that nothing is written twice.
    var isExactlyOnce: Bool { deliveries == ["exactly-once"] }

    private var pids: [Instance: Int32] = [:]
    private var owners: [String: Instance] = [:]
    private var repeats: [Int32: (first: Int, last: Int)] = [:]
    private var hasLooked = false

    mutating func harmed(
        _ instance: Instance, pid: Int32, partitions: Set<String>, at time: ContinuousClock.Instant, wall: Timestamp, isHealed: Bool,
        wasIdle: Bool = false
    ) {
        harms.append(
            Harm(
                instance: instance, pid: pid, partitions: partitions, at: time, wasIdle: wasIdle, healed: isHealed ? time : nil,
                healedWall: isHealed ? wall : nil))
        level = nil
    }

    mutating func healed(_ instance: Instance, at time: ContinuousClock.Instant, wall: Timestamp) {
        for index in harms.indices where harms[index].instance == instance && harms[index].healed == nil {
            harms[index].healed = time
            harms[index].healedWall = wall
        }
        level = nil
    }

    /// Takes one look at the instances of the bots.
    mutating func look(_ statuses: [InstanceStatus], at time: ContinuousClock.Instant) {
        for status in statuses {
            let record = status.record
            if let before = pids[status.instance], before != record.pid { restarts += 1 }
            pids[status.instance] = record.pid
            let count = record.repeated ?? 0
            // A process that was there before has its own past; one that is new begins with nothing.
            repeats[record.pid] = (repeats[record.pid]?.first ?? (hasLooked ? 0 : count), count)
        }
        let claims = Self.claims(statuses.filter { $0.standing.isAlive && !isDeluded($0, at: time) })
        for (partition, owner) in claims {
            if let before = owners[partition], before != owner { movedPartitions += 1 }
            owners[partition] = owner
        }
        for status in statuses where status.standing.isAlive {
            deliveries.insert(status.record.delivery)
            noteReturn(of: status, claims, at: time)
        }
        hasLooked = true
        repeatedInputs = repeats.values.reduce(0) { $0 + max(0, $1.last - $1.first) }
    }

    /// Who owns what: where two say that they do, the one that was heard of last.
    private static func claims(_ statuses: [InstanceStatus]) -> [String: Instance] {
        var claims: [String: Instance] = [:]
        for status in statuses.sorted(by: { $0.record.lastSeen < $1.record.lastSeen }) {
            for partition in status.record.partitions { claims[partition] = status.instance }
        }
        return claims
    }

    /// What a killed or frozen process said last does not count any more, nor what a thawed one says before it has noticed.
    private func isDeluded(_ status: InstanceStatus, at time: ContinuousClock.Instant) -> Bool {
        guard let harm = harms.last(where: { $0.instance == status.instance }), harm.pid == status.record.pid else { return false }
        guard let healed = harm.healed, healed > harm.at else { return true }
        return healed.duration(to: time) < .seconds(3)
    }

    private mutating func noteReturn(of status: InstanceStatus, _ claims: [String: Instance], at time: ContinuousClock.Instant) {
        let record = status.record
        let works = (record.state == .running && record.notReady == nil) || record.state == .paused
        for index in harms.indices
        where harms[index].instance == status.instance && harms[index].back == nil && !isSuperseded(harms[index]) {
            guard let healed = harms[index].healedWall, let seen = Timestamp.parse(record.lastSeen), seen > healed,
                // A killed process does not come back; its slot does, with another one.
                record.pid != harms[index].pid || harms[index].healed != harms[index].at
            else { continue }
            guard works, harms[index].partitions.allSatisfy({ claims[$0] != nil }) else {
                harms[index].hopeful = nil
                continue
            }
            if let hopeful = harms[index].hopeful {
                if hopeful.seen != record.lastSeen { harms[index].back = hopeful.at }
            } else {
                harms[index].hopeful = (record.lastSeen, time)
            }
        }
    }

    /// Takes one sample of all lag of the bots; nil is not known, and says nothing.
    mutating func lag(_ records: Int64?, at time: ContinuousClock.Instant) {
        guard let records else { return }
        guard !harms.isEmpty else {
            lagBefore = max(lagBefore ?? 0, records)
            return
        }
        lagPeak = max(lagPeak ?? 0, records)
        // A mesh that works has always a little.
        let isLevel = records <= (lagBefore ?? 0) + Self.tolerance
        if !isLevel { level = nil } else if level == nil, isHealed { level = time }
    }

    private static var tolerance: Int64 { 100 }
    private var isHealed: Bool { harms.allSatisfy { $0.healed != nil } }

    /// From the end of the last fault until lag was as before; nil when it is not.
    var timeToDrain: Duration? {
        guard let level, let last = harms.compactMap(\.healed).max() else { return nil }
        return max(.zero, last.duration(to: level))
    }

    /// Whether everything is as before, as far as it was looked at.
    var isCalm: Bool { isHealed && harms.allSatisfy { $0.back != nil || isSuperseded($0) } && level != nil }

    /// A later fault hit the same slot before it was back.
    func isSuperseded(_ harm: Harm) -> Bool { harms.contains { $0.instance == harm.instance && $0.at > harm.at } }

    /// Slots that were harmed and are not back.
    var missing: [Instance] { harms.filter { $0.back == nil && !isSuperseded($0) }.map(\.instance) }
}
