import FoundationEssentials
import LocalBroker

/// A relay that takes part.
enum Contestant: String, CaseIterable {
    case bare
    case bareLimited = "bare-limited"
    case headerless
    case atLeastOnce = "at-least-once"
    case exactlyOnce = "exactly-once"
    case python
    case pythonLimited = "python-limited"

    /// As a table calls it.
    var title: String {
        switch self {
        case .bare: "bare loop in C, with headers"
        case .bareLimited: "bare loop in C, with headers, librdkafka's limits"
        case .headerless: "bare loop in C, without headers"
        case .atLeastOnce: "meshload relay, at-least-once"
        case .exactlyOnce: "meshload relay, exactly-once"
        case .python: "Python, confluent-kafka and orjson"
        case .pythonLimited: "Python, confluent-kafka and orjson, librdkafka's limits"
        }
    }

    /// Whether it is a bot, which has topics of its own.
    var isBot: Bool { self == .atLeastOnce || self == .exactlyOnce }
}

/// One run of a contestant.
struct RelayJob {
    let input: String
    let output: String
    let count: Int
    /// New in each run.
    let group: String
    /// Milliseconds; nil is what the contestant does by itself: 2 (0 in a transaction).
    var linger: Int?
    /// What loops without a runtime wait before they ask for records, so that their producers are ready as a bot's is. Milliseconds.
    var warm = 1_000
    /// Of several members of the group, from 1.
    var replica = 1
}

/// Where the contestants' programs are.
struct ContestantPrograms {
    let meshload: String
    let bare: String
    let python: String
    let pythonRelay: String
    let catalogue: String
    let environment: [String: String]

    /// Why a contestant cannot run; nil when it can.
    func missing(for contestant: Contestant) -> String? {
        if !contestant.isBot, let file = environment["KAFKA_PROPERTIES_FILE"], !file.isEmpty {
            return "it knows addresses alone, and not what KAFKA_PROPERTIES_FILE says"
        }
        let files: [String] =
            switch contestant {
            case .bare, .bareLimited, .headerless: [bare]
            case .atLeastOnce, .exactlyOnce: [meshload]
            case .python, .pythonLimited: [python, pythonRelay]
            }
        return files.first { !FileManager.default.isReadableFile(atPath: $0) }.map { "no \($0)" }
    }

    /// - Parameters:
    ///   - more: bytes by which a bot's result is longer than the request.
    ///   - output: a file for what the contestant says.
    func launch(_ contestant: Contestant, _ job: RelayJob, brokers: String, more: Int, output: String) -> ChildProcess.Launch {
        let words = [brokers, job.input, job.output, "\(job.count)", job.group]
        let times = ["\(job.linger ?? 2)", "\(job.warm)"]
        let (program, arguments): (String, [String]) =
            switch contestant {
            case .bare: (bare, words + ["1", "\(more)"] + times + ["1"])
            case .bareLimited: (bare, words + ["1", "\(more)"] + times + ["0"])
            case .headerless: (bare, words + ["0", "\(more)"] + times + ["1"])
            case .python: (python, [pythonRelay] + words + times + ["1"])
            case .pythonLimited: (python, [pythonRelay] + words + times + ["0"])
            case .atLeastOnce, .exactlyOnce: (meshload, botArguments(contestant, job, brokers: brokers))
            }
        return ChildProcess.Launch(program: program, arguments: arguments, environment: environment, output: .file(output))
    }

    private func botArguments(_ contestant: Contestant, _ job: RelayJob, brokers: String) -> [String] {
        [
            "relay", "--brokers", brokers, "--in", job.input, "--out", job.output, "--count", "\(job.count)", "--group", job.group,
            "--mode", contestant.rawValue, "--replica", "\(job.replica)", "--topics", catalogue,
        ] + (job.linger.map { ["--linger", "\($0)"] } ?? [])
    }
}
