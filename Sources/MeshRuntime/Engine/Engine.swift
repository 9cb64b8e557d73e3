import BotKit
import Envelopes
import Kafka

/// The way of a record as a state machine: inputs go in, actions come out, nothing blocks, nothing is read from outside.
///
/// decode → validate → deduplicate → route → lane → handle → perform → settle. Confined to one thread; `takeActions` empties what is to be done, `takeFinished` what is done.
final class Engine {
    let settings: RuntimeSettings
    let bot: any Bot
    let configuration: BotConfiguration
    let contract: Contract
    /// The name of this instance.
    let instance: String
    /// How long a run may take, in milliseconds.
    let runLimit: Int64
    let codec: MeshCodec
    let decoder: RecordDecoder
    let routes: Routes
    let results: Results
    let deadLetters: DeadLetters
    let ownRecords: OwnRecords
    let retryPolicy: RetryPolicy
    /// Partitions of the mesh's topics.
    let partitionCounts: [String: Int32]

    var random: any RandomNumberGenerator
    /// What the monotonic clock says, in milliseconds: asked only for how long the bot takes.
    let clock: () -> Int64
    var turn = Turn()
    var figures = Figures()
    var actions: [Action] = []

    // Intake and lanes
    var partitions: [TopicPartition: AssignedPartition] = [:]
    /// The partition of the record that was taken in last.
    var lastTaken: AssignedPartition?
    /// Of the records that came before their partition was restored, over all partitions.
    var earlyBytes = 0
    var lanes = Lanes<LaneKey, Job>()
    /// Jobs that wait to be tried again in their place, or for what becomes of their twin.
    var parked = 0
    /// Of the records that wait in lanes or are parked.
    var waitingBytes = 0
    var limiter: RateLimiter?
    var nextJob: UInt64 = 1
    /// Jobs that were begun and are not settled, by id.
    var begun: [UInt64: Job] = [:]

    var inProgress = InProgress()

    // Calls
    var breakers: Breakers
    var waitingCalls = WaitingCalls()
    var holding = Holding()
    var cancels: CancelBook
    /// Jobs of whose calls some came back, when the bot can be told of them.
    var toTell = Fifo<Job>()
    /// Jobs with calls that are not finished, those that are held not counted.
    var jobsWithCalls = 0

    // Retry
    var schedule = RetrySchedule<WaitingRecord>()
    /// Jobs that are tried again in their place.
    var again = RetrySchedule<Job>()

    // Settle
    var unsettled = SettleQueue()
    /// Results whose partition's commit has no room for them, in order.
    var held = SettleQueue()
    var inFlight: InFlight?
    /// What was committed and is not acted on yet.
    var committed = Fifo<SettleItem>()
    /// What `takeFinished` gives: whoever made it frees it at the least cost.
    var finished: [Incoming] = []
    var nextBatch: UInt64 = 1
    /// How often partitions were given to this process.
    var assignments: UInt64 = 0
    /// When the last settlement was asked for, and, at-least-once, the last commit.
    var lastSettle: Int64 = 0
    var lastCommit: Int64 = 0
    var uncommitted = Uncommitted()
    /// Which refusal of a commit was told last, and when, on the monotonic clock; nil since one was taken.
    var refusalTold: (code: Int32, at: Int64)?
    /// Since when there is no room; nil when there is.
    var fullSince: Int64?
    /// After a failed settlement, or a refused commit: not again before this time, and how long a settlement's pause was.
    var settleAgain: (at: Int64, pause: Int64) = (0, 0)
    var trouble: SettleTrouble?

    // Control
    var isPaused = false
    var draining: Draining?
    var hasFinished = false
    var ticker: Ticker

    /// A record of the retry topic that waits for its time.
    struct WaitingRecord {
        let record: Record
        let carried: Carried
        let partition: AssignedPartition
        var passport: Passport { carried.passport }
    }

    init(
        bot: any Bot, configuration: BotConfiguration, settings: RuntimeSettings, codec: MeshCodec,
        partitionCounts: [String: Int32], random: any RandomNumberGenerator, startedAt: Moment, clock: @escaping () -> Int64
    ) throws(ConfigurationError) {
        self.bot = bot
        self.configuration = configuration
        self.settings = settings
        self.codec = codec
        self.partitionCounts = partitionCounts
        self.random = random
        self.clock = clock
        contract = bot.contract
        instance = settings.instance
        runLimit = configuration.constraints.timeout.wholeMilliseconds
        routes = try Routes(contract: contract, configuration: configuration)
        results = try Results(settings: settings, contract: contract, configuration: configuration, codec: codec)
        decoder = RecordDecoder(codec: codec, early: EarlyHandler(bot, routes, results))
        let schedule = settings.topics.schedule
        ticker = Ticker(
            home: partitionCounts[schedule].flatMap { count in
                count > 0 ? TopicPartition(schedule, Murmur2.partition(of: Array(bot.contract.name.utf8), among: count)) : nil
            })
        deadLetters = DeadLetters(
            settings: settings, version: configuration.version, partitions: partitionCounts[settings.topics.deadLetters] ?? 1)
        ownRecords = OwnRecords(settings: settings)
        var policy = configuration.constraints.retry ?? contract.retry
        policy.mode = contract.retry.mode
        retryPolicy = policy
        limiter = configuration.constraints.rateLimit.map { RateLimiter($0, at: startedAt.uptime) }
        breakers = Breakers(configuration.constraints.breakers)
        cancels = CancelBook(capacity: settings.limits.rememberedCancels)
    }

    func takeActions() -> [Action] {
        defer { actions.removeAll(keepingCapacity: true) }
        return actions
    }

    /// What came in of the jobs that were closed since the last call.
    func takeFinished() -> [Incoming] {
        let taken = finished
        finished = []
        return taken
    }

    func log(_ level: LogEntry.Level, _ message: String, correlation: String? = nil, _ fields: [(String, String)] = []) {
        actions.append(.log(LogEntry(level: level, message: message, correlationID: correlation, fields: fields)))
    }

    /// Whether no record has come for a moment, and none is on its way: what is decided waits for no others then. The loop says so.
    var inputsPause = false

    /// Whether something is decided or can be begun that the next `advance` would do.
    var isBusy: Bool { inFlight == nil && !unsettled.isEmpty || !lanes.isEmpty && !isPaused || isHurried }

    /// Whether it has something to do at once, that waits for nothing.
    var isHurried: Bool { hasCommitted || !toTell.isEmpty || turn.isOver }

    var hasCommitted: Bool { !committed.isEmpty }

    /// Records that were taken in and wait for their turn.
    var waitingCount: Int { lanes.count + parked }

    /// The job waits outside of its lane's queue: it counts among what waits all the same, so that what is taken in stays bounded.
    func park(_ job: Job) {
        parked += 1
        waitingBytes += job.bytes
    }

    func unpark(_ job: Job) {
        parked -= 1
        waitingBytes -= job.bytes
    }

    /// Whether there is no room for another record.
    var isFull: Bool {
        let limits = settings.limits
        return waitingCount >= limits.waitingRecords || waitingBytes >= limits.waitingBytes || unsettled.count >= limits.unsettledItems
            || unsettled.bytes >= limits.unsettledBytes || !hasRoomToHold
    }

    /// Whether records are left where they are for a moment, because room is about to come.
    func holdsBack(at moment: Moment) -> Bool { isFull && moment.uptime - (fullSince ?? moment.uptime) < settings.limits.holdBack }

    /// The bot may be told of inputs for a while, beginning now. Call it before every group of inputs; `advance` does so itself.
    func beginTurn(at moment: Moment) { turn.begin(at: moment.uptime, limit: settings.limits.turn) }

    /// Does what time and room allow: due retries, lanes, waiting calls, limits of calls, the next settlement. Call it after every group of inputs and at least
    /// ten times a second.
    func advance(at moment: Moment) {
        guard !hasFinished else { return }
        beginTurn(at: moment)
        actOnNextCommitted(at: moment)
        watchCalls(at: moment)
        startWaitingCalls(at: moment)
        // Before anything is begun.
        tellWaiting(at: moment)
        takeDue(at: moment)
        fireSchedules(at: moment)
        dispatch(at: moment)
        carryOnWaiting()
        settleNext(at: moment)
        steerFlow(at: moment)
        finishDrain(at: moment)
    }
}
