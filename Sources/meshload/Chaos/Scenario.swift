import MeshRuntime

/// One kind of trouble.
enum Scenario: String, CaseIterable, Sendable {
    case kill, sigterm, scale, freeze
    case brokerKill = "broker-kill"
    case brokerFreeze = "broker-freeze"
    case network, poison, retry, slow, dependency
    case deadLetters = "dlq"
    case diskFull = "disk-full"
    case clock, duplicates, state
    case stateDisk = "state-disk"

    /// What happens in it, in a few words.
    var summary: String {
        switch self {
        case .kill: "kill -9 of random bots in mid-batch"
        case .sigterm: "storms of SIGTERM, some of them twice"
        case .scale: "3 bots, then 6, 2 and 5, under load"
        case .freeze: "SIGSTOP past the session timeout, then SIGCONT"
        case .brokerKill: "kill -9 of the broker, and its restart"
        case .brokerFreeze: "SIGSTOP of the broker, then SIGCONT"
        case .network: "cut, silent and slow links between bots and broker"
        case .poison: "1% of the requests cannot be handled, and a bot is killed"
        case .retry: "requests that fail once or twice are tried again, and bots are killed, frozen and told to end"
        case .slow: "calls that take longer than a member may be silent"
        case .dependency: "what the bots call fails for a while"
        case .deadLetters: "mesh.dlq refuses every record for a while"
        case .diskFull: "the broker's disk is full for a while"
        case .clock: "clocks of bots step by an hour"
        case .duplicates: "the producer repeats and reorders requests"
        case .state: "bots that count the requests of each key are killed, and more and fewer of them run"
        case .stateDisk: "the disk of bots that keep totals is full while they move, and they are started anew"
        }
    }

    /// Whether its bots keep a total for each key.
    var countsKeys: Bool { self == .state || self == .stateDisk }

    /// Whether some of what is written together may be refused, or be given up for late.
    var mayRefuseAPart: Bool { [.brokerKill, .brokerFreeze, .network, .diskFull].contains(self) }

    /// Why it proves nothing in this mode; nil where it does.
    func obstacle(_ mode: DeliveryMode) -> String? {
        countsKeys && mode == .atLeastOnce ? "what is handled again after a crash may be counted twice at-least-once" : nil
    }

    /// Why it cannot be done with a Kafka that is not ours; nil where it can.
    var foreignObstacle: String? {
        switch self {
        case .brokerKill, .brokerFreeze: "it must control the broker's process"
        case .network: "the broker must advertise the proxy's address"
        case .deadLetters: "it makes mesh.dlq refuse records, which others may need"
        case .diskFull: "it must fill the broker's disk"
        default: nil
        }
    }
}
