import BotKit
import MeshRuntime

/// What one run does, and when: the same for the same scenario, mode, seed and duration.
struct ChaosPlan: Sendable {
    struct Step: Sendable, Equatable {
        /// Since the faults begin; what the waits before it take comes on top.
        let milliseconds: Int
        let fault: Fault
    }

    /// What the producer writes.
    struct Load: Sendable {
        var requestsPerSecond = 300
        var keys = 60
        /// Of a thousand requests.
        var poisonPerMille = 0
        /// Of a thousand requests, so many fail at first: the half of them once, the others twice.
        var transientPerMille = 0
        /// Of a thousand requests, so many are written again, and so many change places with a neighbour.
        var repeatPerMille = 0
        var reorderPerMille = 0
    }

    let scenario: Scenario
    let mode: DeliveryMode
    let seed: UInt64
    let seconds: Int
    var bots = 3
    var load = Load()
    /// What each request's call takes; nil: the bots call nothing.
    var callMilliseconds: Int?
    /// How long `handle` itself takes for each hundredth request, as plain code; nil: no time.
    var handleMilliseconds: Int?
    /// The bots' `max.poll.interval.ms`, in seconds.
    var pollSeconds = 60
    /// How the bots try again what failed.
    var retry = RetryPolicy.Mode.topic
    var steps: [Step] = []

    /// The size of a disk for the broker that its data alone does not fill, in MiB: what a request leads to takes 4 kB (of 6,500, by hand, 21 MB exactly-once and 24
    /// at-least-once), and the load goes on for up to a minute more, while bots are waited for.
    var brokerDiskMebibytes: Int { 64 + load.requestsPerSecond * (seconds + 60) * 4_000 / 1_048_576 }

    /// How long a partition with lag may stand still when nothing is amiss, in seconds, unless the command says otherwise.
    static let stallSeconds = 10.0

    /// How much longer at a Kafka that is not ours, in seconds: it counts for two sessions on a member that has ended while it joined (docs/guarantees.md).
    static let foreignSeconds = 4.0

    /// How many requests may be tried again that do not fail by their number: which calls meet an outage nobody can say, but each bot holds the others back
    /// once some have failed in a row; twice as many, since calls that began before it may end among those.
    var unplannedRetries: Int { 2 * bots * ChaosBot.failuresToOpen * steps.count { $0.fault == .breakDependency } }

    /// How much longer than others a partition may stand still in this scenario, and why the run may take longer to end; seconds.
    ///
    /// A call that was cut off is made again from its beginning, and a breaker tries again only after its pause.
    var explainedSeconds: Double {
        switch scenario {
        case .slow: 2 * Double(callMilliseconds ?? 0) / 1_000
        case .dependency: 5
        default: 0
        }
    }

    /// For people: what makes the run, then each step.
    var lines: [String] {
        var shape = "\(bots) bots, \(load.requestsPerSecond) requests/s over \(load.keys) keys for \(seconds) s"
        if load.poisonPerMille > 0 { shape += ", \(load.poisonPerMille)‰ poison" }
        if load.transientPerMille > 0 { shape += ", \(load.transientPerMille)‰ fail at first, tried again by \(retry.rawValue)" }
        if load.repeatPerMille > 0 { shape += ", \(load.repeatPerMille)‰ repeated, \(load.reorderPerMille)‰ reordered" }
        if let callMilliseconds { shape += ", calls of \(callMilliseconds) ms" }
        if let handleMilliseconds { shape += ", each hundredth decided in \(handleMilliseconds) ms" }
        return ["plan \(scenario.rawValue) \(mode.rawValue) seed \(seed): \(scenario.summary)", "  \(shape)"]
            + steps.map { "  at \(ChaosPlan.seconds($0.milliseconds)) \($0.fault)" }
    }

    /// The command that does the same again, to be pasted into a shell; `program`: this one, `flags`: what else was said.
    func command(_ program: String, flags: [String]) -> String {
        ([program, "chaos", "--scenario", scenario.rawValue, "--mode", mode.rawValue, "--seed", "\(seed)"] + flags)
            .map(Self.word).joined(separator: " ")
    }

    /// One word for a shell, in quotation marks where it needs them.
    private static func word(_ text: String) -> String {
        func isPlain(_ byte: UInt8) -> Bool {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"): true
            default: "-_./:,=+@%".utf8.contains(byte)
            }
        }
        return !text.isEmpty && text.utf8.allSatisfy(isPlain) ? text : "'" + text.replacing("'", with: #"'\''"#) + "'"
    }

    static func seconds(_ milliseconds: Int) -> String { "\(milliseconds / 1_000).\(String(milliseconds % 1_000 + 1_000).dropFirst()) s" }
}
