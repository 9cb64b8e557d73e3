/// One thing that is done to the mesh.
enum Fault: Equatable, Sendable, CustomStringConvertible {
    /// kill -9.
    case kill(slot: Int)
    /// SIGTERM; twice: the second one ends the process at once.
    case terminate(slot: Int, twice: Bool = false)
    case start(slot: Int)
    /// No harm: the next step waits until so many bots, and no others, have shares of the requests.
    case settle(bots: Int)
    case freeze(slot: Int)
    case thaw(slot: Int)
    case killBroker, startBroker, freezeBroker, thawBroker
    /// What the links of one bot, or of all (nil), are like from now on.
    case links(slot: Int?, LinkWeather)
    case breakDependency, mendDependency
    case refuseDeadLetters, acceptDeadLetters
    case fillDisk, freeDisk
    /// Of the disk where bots keep copies of their states: they go on without.
    case fillBotDisk, freeBotDisk
    /// No harm: the next step waits until so many bots have written copies of their states since they were started, and that since their disk has space.
    case copy(bots: Int)
    /// The bot's wall clock differs by so many seconds from now on.
    case stepClock(slot: Int, seconds: Int)

    var description: String {
        switch self {
        case .kill(let slot): "kill -9 bot \(slot)"
        case .terminate(let slot, let twice): "SIGTERM bot \(slot)\(twice ? ", twice" : "")"
        case .start(let slot): "start bot \(slot)"
        case .settle(let bots): "wait until \(bots) bots have shares"
        case .freeze(let slot): "SIGSTOP bot \(slot)"
        case .thaw(let slot): "SIGCONT bot \(slot)"
        case .killBroker: "kill -9 broker"
        case .startBroker: "start broker"
        case .freezeBroker: "SIGSTOP broker"
        case .thawBroker: "SIGCONT broker"
        case .links(let slot, let weather): "links of \(slot.map { "bot \($0)" } ?? "all bots"): \(weather)"
        case .breakDependency: "the dependency fails"
        case .mendDependency: "the dependency works again"
        case .refuseDeadLetters: "mesh.dlq refuses records"
        case .acceptDeadLetters: "mesh.dlq takes records again"
        case .fillDisk: "the broker's disk is full"
        case .freeDisk: "the broker's disk has space again"
        case .fillBotDisk: "the bots' disk is full"
        case .freeBotDisk: "the bots' disk has space again"
        case .copy(let bots): "wait until \(bots) bots have copied their states"
        case .stepClock(let slot, let seconds): "clock of bot \(slot): \(seconds >= 0 ? "+" : "")\(seconds) s"
        }
    }
}

extension Fault {
    /// How long the group goes on counting on a process that is gone without a word: its session timeout, in seconds. The fault lasts so long.
    var secondsUnseen: Double {
        switch self {
        case .kill, .terminate(_, twice: true): 6
        default: 0
        }
    }
}

extension Fault {
    /// Whether it may cut a process off between a result and its commit, which at-least-once repeats the result.
    var mayRepeat: Bool {
        switch self {
        case .terminate(_, twice: false), .start, .settle, .breakDependency, .mendDependency, .refuseDeadLetters, .acceptDeadLetters,
            .fillBotDisk, .freeBotDisk, .copy, .stepClock:
            false
        default: true
        }
    }
}

extension Fault {
    /// Whether it only waits: what comes of the step before is judged meanwhile, and the steps behind it come as much later.
    var isWait: Bool {
        switch self {
        case .settle, .copy: true
        default: false
        }
    }
}

/// What is kept from working until it is healed.
enum Hold: Hashable, Sendable {
    case bot(Int)
    case broker
    case links(Int?)
    case dependency, deadLetters, disk
}

extension Fault {
    /// What it keeps from working until another step heals that; nil where it is over at once.
    var holds: Hold? {
        switch self {
        case .freeze(let slot): .bot(slot)
        case .killBroker, .freezeBroker: .broker
        case .links(let slot, let weather): weather == .fine ? nil : .links(slot)
        case .breakDependency: .dependency
        case .refuseDeadLetters: .deadLetters
        case .fillDisk: .disk
        default: nil
        }
    }

    var heals: Hold? {
        switch self {
        case .thaw(let slot): .bot(slot)
        case .startBroker, .thawBroker: .broker
        case .links(let slot, .fine): .links(slot)
        case .mendDependency: .dependency
        case .acceptDeadLetters: .deadLetters
        case .freeDisk: .disk
        default: nil
        }
    }
}

/// What a link between bot and broker does.
enum LinkWeather: Equatable, Sendable, CustomStringConvertible {
    case fine
    /// Connections end, and new ones end at once.
    case cut
    /// Nothing passes, and nobody is told.
    case silent
    /// All passes later, and no more than so much a second.
    case slow(delayMilliseconds: Int, kilobytesPerSecond: Int)

    var description: String {
        switch self {
        case .fine: "fine"
        case .cut: "cut"
        case .silent: "silent"
        case .slow(let delay, let rate): "\(delay) ms late, \(rate) kB/s"
        }
    }
}
