import BotKit
import Envelopes
import Kafka

/// Which lane a record waits in.
enum LaneKey: Hashable, Sendable {
    case key(TopicPartition, [UInt8])
    /// A record without a key is a lane of its own.
    case single(TopicPartition, Int64)
    case aggregate(TopicPartition, Aggregate)

    /// The bytes of a key at once: an array would give them one by one. Of the topic only how long its name is: all of it takes as long as the rest.
    func hash(into hasher: inout Hasher) {
        hasher.combine(topicPartition.topic.utf8.count << 32 ^ Int(topicPartition.partition))
        switch self {
        case .key(_, let bytes): bytes.withUnsafeBytes { hasher.combine(bytes: $0) }
        case .single(_, let offset): hasher.combine(offset)
        case .aggregate(_, let aggregate): hasher.combine(aggregate)
        }
    }

    var topicPartition: TopicPartition {
        switch self {
        case .key(let topicPartition, _), .single(let topicPartition, _), .aggregate(let topicPartition, _): topicPartition
        }
    }
}

/// One input record on its way from the lane to its settlement. Confined to the engine's thread.
final class Job {
    let id: UInt64
    /// The assignment that it belongs to; what happens after the partition is lost touches nothing.
    let partition: AssignedPartition
    let incoming: Incoming
    /// Of its aggregate, where it comes from an inbox.
    let aggregate: Aggregate?
    let priority: Priority
    /// When the record was taken in.
    let takenIn: Moment
    private let bot: String
    private(set) lazy var run = Run.derived(event: event.envelope.id, bot: bot, replay: event.envelope.replay)
    private(set) lazy var runID = run.id
    /// When its event came to be.
    let timestamp: Timestamp
    /// What deduplication remembers.
    let identity: Identity
    /// Where `InProgress` has it; nil: it does not.
    var placeInProgress: Int?
    /// Jobs of its identity that came while it was in progress, and wait for what becomes of it.
    var twins: [Job] = []
    /// Its lane is closed until it leaves it.
    var isInLane = false
    /// An attempt was begun.
    var isBegun = false
    /// It has left its lane: the next record of its key may be begun.
    var hasLeftLane = false

    /// How many events of each type are visible from before the current attempt.
    var produced: [String: Int]
    /// When an attempt failed first.
    var firstFailure: Timestamp?
    /// Of the current attempt, from 1.
    var attempt: Int
    /// When the current attempt began; nil while it waits.
    var began: Moment?
    /// The run's limit, on the monotonic clock.
    var deadline: Int64 = .max
    /// Since when it only waits for a breaker, or a step of it for room in its partition's commit, on the monotonic clock: its limit stands still.
    var heldSince: Int64?
    /// Since when the audit is asked for what its calls came to, on the monotonic clock: its limit stands still.
    var recalledSince: Int64?
    /// Since when nothing of it is under way but the settlement of a step, on the monotonic clock.
    var settlesSince: Int64?
    /// What was given back, on the monotonic clock: apart from each other, in order.
    private var givenBack: [Range<Int64>] = []
    /// What the bot was told as the time of its first step.
    var firstNow = Timestamp(milliseconds: 0)
    /// The same for the step at hand.
    var now = Timestamp(milliseconds: 0)
    var state: (any BotState)?
    var calls: [JobCall] = []
    /// Calls that came back and of which the bot has not been told.
    var arrived: [(call: Int, outcome: CallOutcome)] = []
    /// Calls that the bot was told of, in that order.
    var outcomes: [JournalEntry.Outcome] = []
    /// Results of the steps since the last settlement; counts of the whole attempt.
    var made = Results.Made()
    /// Of the record, and of what was made of it already.
    let bytes: Int
    /// Whether the journal has an entry for it.
    var isJournaled = false
    var resumes = Resumes()
    /// Steps that are being settled: nothing is handled until they are.
    var unsettledSteps = 0
    /// It is one of the runs that `max_concurrent_jobs` bounds.
    var isCounted = false
    /// Everything is decided and waits for its settlement.
    var isDecided = false
    /// The bot rejected a step while calls were under way: they end first.
    var rejection: Rejection?

    init(
        id: UInt64, partition: AssignedPartition, incoming: Incoming, content: Incoming.Content, bot: String, priority: Priority,
        takenIn: Moment
    ) {
        self.id = id
        self.partition = partition
        self.incoming = incoming
        aggregate =
            partition.role == .inbox
            ? Aggregate(incoming.carried?.passport.aggregate ?? content.event.key ?? content.event.envelope.correlationID) : nil
        identity = content.identity
        timestamp = content.timestamp
        self.bot = bot
        self.priority = priority
        self.takenIn = takenIn
        bytes = incoming.bytes
        produced = incoming.carried?.passport.produced ?? [:]
        firstFailure = incoming.carried?.passport.firstFailure
        attempt = incoming.attempts + 1
    }

    /// What the bot was found to decide before the record was taken in, where that holds for the attempt that begins now: only for the first, and only for one
    /// that nothing is known of from before a restart.
    func earlyDecision(at moment: Moment) -> EarlyDecision.Handled? {
        guard attempt == 1, !isJournaled, let early = content.decision?.handled, early.isFresh(at: moment) else { return nil }
        return early
    }

    /// What its record says: only one that could be read becomes a job.
    var content: Incoming.Content {
        guard let content = incoming.readable else { preconditionFailure("a job without an event") }
        return content
    }

    var event: Event { content.event }

    /// Which lane it waits in. Put together when it is asked for: most jobs wait in none.
    var lane: LaneKey {
        if let aggregate { return .aggregate(partition.topicPartition, aggregate) }
        if let key = incoming.key { return .key(partition.topicPartition, key) }
        return .single(partition.topicPartition, record.offset)
    }

    var record: Record { incoming.record }
    var inputID: EventID { incoming.carried?.passport.inputID(of: event) ?? event.envelope.id }
    /// What its results depend on, in the step at hand.
    var cause: Cause { Cause(event, incoming.carried, run: run, at: now) }
    /// Nothing before it in its partition is open: it is what keeps the commit from moving on.
    var isLowest: Bool { record.offset == partition.ledger.watermark }
    var runningCalls: Int { calls.count { $0.phase == .running } }
    var hasUnfinishedCalls: Bool { calls.contains { $0.phase != .finished } }

    /// Nothing of it is under way, and nothing has come back: all that is missing waits to begin.
    var onlyWaits: Bool {
        unsettledSteps == 0 && arrived.isEmpty && !isDecided && rejection == nil
            && calls.allSatisfy { $0.phase == .waiting || $0.phase == .finished }
    }

    /// What travels with the record, for a later attempt or its dead letter: as it came, with what the job adds. A copy of all of it.
    var passport: Passport {
        var passport = incoming.passport
        passport.produced = produced
        passport.firstFailure = firstFailure
        return passport
    }

    /// How many events of a type `produced` has.
    func alreadyProduced(_ type: EventType) -> Int { produced.isEmpty ? 0 : produced[type.name, default: 0] }

    /// How many reminders `produced` has: under a name that no topic can have.
    var remindersProduced: Int { produced.isEmpty ? 0 : produced[Self.reminders, default: 0] }
    static let reminders = "@reminder"

    func reference(_ call: Int) -> CallReference { CallReference(job: id, call: call, attempt: attempt, turn: calls[call].turn) }

    /// The time from `began` to `now` was not the run's own, and does not count against its limit. Nothing is given back twice, however many calls lost it.
    func giveBack(since began: Int64, at now: Int64) {
        let span = max(0, min(began, now))..<max(0, now)
        var (whole, fresh) = (span, Int64(span.count))
        // All end by now: what this one meets are the last ones.
        while let last = givenBack.last, last.upperBound >= span.lowerBound {
            fresh -= Int64(last.clamped(to: span).count)
            whole = min(whole.lowerBound, last.lowerBound)..<max(whole.upperBound, last.upperBound)
            givenBack.removeLast()
        }
        givenBack.append(whole)
        // What lies further back than these is hardly met again.
        if givenBack.count > Self.spansRemembered { givenBack.removeFirst() }
        let (sum, isTooLarge) = deadline.addingReportingOverflow(fresh)
        deadline = isTooLarge ? .max : sum
    }

    private static let spansRemembered = 16

    /// A call has ended: where nothing of the run is under way any more but the settlement of a step, the time from now on is not its own.
    func noteSettling(at now: Int64) {
        if unsettledSteps > 0, runningCalls == 0, settlesSince == nil { settlesSince = now }
    }

    /// The step is settled, or a call begins beside that: the run has its time again.
    func giveBackSettling(at now: Int64) {
        guard let since = settlesSince else { return }
        settlesSince = nil
        giveBack(since: since, at: now)
    }

    /// Forgets what the current attempt has done, for the next one in the same place.
    func resetAttempt() {
        began = nil
        deadline = .max
        heldSince = nil
        recalledSince = nil
        settlesSince = nil
        givenBack = []
        calls = []
        arrived = []
        outcomes = []
        resumes = Resumes()
        made = Results.Made()
        isDecided = false
        rejection = nil
    }
}

/// One call of a job.
struct JobCall {
    enum Phase {
        /// Opened by the bot; not in the journal yet.
        case opened
        /// In the journal; waits for its breaker.
        case waiting
        case running
        /// Came back; the bot was or will be told.
        case finished
    }
    let call: any BotCall
    /// What has to work for it outside.
    let dependency: String
    let idempotencyKey: String
    var phase: Phase = .opened
    var isRepeat: Bool
    /// On the monotonic clock.
    var began: Int64 = 0
    var deadline: Int64 = .max
    /// Why it is being cancelled, and until when it may return by itself.
    var cancelling: (reason: CallFailure, until: Int64)?
    /// How its breaker let it begin.
    var permit = CircuitBreaker.Permit(trial: nil, opening: 0)
    /// How many calls to its dependency had succeeded when it was put back last; nil: it never was.
    var successesBefore: Int?
    /// Whether it was put back although others had succeeded while it ran.
    var isExcused = false
    /// The time that it had when it began: its limit, or what was left of its run's, in milliseconds.
    var allowed: Int64 = 0
    /// How often it was begun before, in this attempt.
    var turn = 0
    /// It is answered from the audit, and nothing is done outside.
    var isRecalled = false

    var kind: CallKind { type(of: call.request).kind }

    /// Whether it has had nearly all of the time that it could have, and that was no small part of its limit.
    func hadItsTime(at uptime: Int64) -> Bool {
        uptime - began >= allowed / 10 * 9 && allowed >= call.request.timeLimit.wholeMilliseconds / 2
    }

    init(_ call: any BotCall, idempotencyKey: String, isRepeat: Bool) {
        self.call = call
        dependency = call.request.dependency
        self.idempotencyKey = idempotencyKey
        self.isRepeat = isRepeat
    }
}
