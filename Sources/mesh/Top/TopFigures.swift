import Envelopes
import Kafka

/// What `mesh top` knows of the mesh at one moment.
struct TopFigures: Sendable {
    /// One partition with records that wait.
    struct Lag: Sendable, Equatable {
        let group: String
        let partition: TopicPartition
        /// nil: not known.
        var records: Int64?
        var behind: Duration?
        var movement = LagTrend.Movement()
        /// How long the first record waits for its time; nil when it need not.
        var wait: Duration?
        /// Whether its records are retries and reminders, which wait for their time.
        var isRetry = false
    }
    /// An event `bot.error`, or a dead letter.
    struct Failure: Sendable, Equatable {
        let at: Timestamp
        let bot: String
        let code: String
        let message: String
        /// The run that it belongs to, where that is known.
        var run: String?
        /// Where it lies, e.g. `mesh.dlq[3]@17`.
        let place: String
    }

    /// Kafka's address.
    var address: String
    var now: Timestamp
    /// Whose first look is not over: that nothing stands there says nothing yet.
    var unread = Set(TopState.Pane.allCases)
    var instances: [InstanceStatus] = []
    var lags: [Lag] = []
    var errors: [Failure] = []
    var deadLetters: [Failure] = []
    /// Offsets in `mesh.dlq`, marks of transactions among them: there are no more records than that. nil before anybody has looked.
    var deadLetterCount: Int64?
    var runs: [WorkflowRun] = []
    /// What could not be found out last; nil when all was.
    var trouble: String?

    /// Of all partitions whose lag is known; nil when that of some is not.
    var lagTotal: Int64? {
        if unread.contains(.lag) { return nil }
        return lags.reduce(Int64?(0)) { sum, lag in sum.flatMap { sum in lag.records.map { sum + $0 } } }
    }

    var recordsPerSecond: Double { alive.reduce(0) { $0 + $1.record.recordsPerSecond } }
    var errorsPerSecond: Double { alive.reduce(0) { $0 + $1.record.errorsPerSecond } }
    private var alive: [InstanceStatus] { instances.filter(\.standing.isAlive) }
}
