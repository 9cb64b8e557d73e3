import Envelopes
import Kafka
import Terminal

/// That a person replays: written before the first record is.
struct ReplayAudit {
    let settings: ClientSettings
    let order: ReplayOrder
    /// Topics and patterns, or the file.
    let source: String

    /// The largest subject that the audit takes, in characters.
    private static let longest = 512

    static let begun = "replay.begun"
    static let resumed = "replay.resumed"

    /// `code.committed to BuildBot alone, calls allowed`.
    var subject: String {
        let target =
            switch order.target {
            case .origin: ""
            case .topic(let name): " into \(name)"
            case .bot(let bot): " to \(bot) alone"
            }
        let end = target + (order.allowsCalls ? ", calls allowed" : "")
        return source.cut(to: Self.longest - end.count) + end
    }

    func write(_ producer: Producer) throws {
        var audit = PersonAudit(person: Person.name(settings), settings)
        let record = try audit.record(
            action: order.isResumed ? Self.resumed : Self.begun, subject: subject, replay: order.replay.text)
        _ = try AuditedWrite.send([], audit: [record], producer) { _ in [] }
    }
}
