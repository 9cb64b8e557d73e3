/// One line that a step printed.
/// Topic `build.log`, `test.log`, …: the type of the envelope is `StepLog.type(domain:)`, one topic a domain.
public struct StepLog: EventPayload {
    /// Stands for all of them in messages; no topic has this name.
    public static let type: EventType = "<domain>.log"
    public static func type(domain: some StringProtocol) -> EventType { EventType("\(domain).log") }

    /// The run that the step belongs to.
    public var runID: String
    /// The step that printed it.
    public var step: String
    /// `stdout`, `stderr`, or `mesh` for what the mesh itself says.
    public var stream: String
    /// The line without its end, cut at 8 KiB.
    public var text: String
    /// Number of the line within the run, from 0.
    public var sequence: Int

    public init(
        runID: String, step: String, stream: String, text: String, sequence: Int
    ) {
        self.runID = runID
        self.step = step
        self.stream = stream
        self.text = text
        self.sequence = sequence
    }

    public var key: String? { runID }

    enum CodingKeys: String, CodingKey {
        case runID = "run_id"
        case step, stream, text, sequence
    }
}
