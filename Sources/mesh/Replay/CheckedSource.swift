import BotKit
import Glibc
import Kafka

/// A file's records. Those that are meant are checked for a topic that is there, and for a bot that takes it: the first that has none ends the replay with a
/// word of what to do.
final class CheckedSource: RecordSource {
    private let source: any RecordSource
    private let map: TopicMap
    private let order: ReplayOrder
    private let consumed: [EventPattern]?

    /// `consumed`: what the one bot consumes that is the target; nil where it is none.
    init(_ source: any RecordSource, _ map: TopicMap, _ order: ReplayOrder, consumed: [EventPattern]?) {
        self.source = source
        self.map = map
        self.order = order
        self.consumed = consumed
    }

    /// Whether it can be read twice: once to check it before anything is written. What comes through a pipe cannot.
    static func canScan(_ path: String) -> Bool {
        var status = stat()
        return path != "-" && stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFREG
    }

    /// Reads all that the replay would take, so that nothing is written where one of them cannot be.
    func scan(_ stop: StopSign) throws {
        var count = 0
        while order.maximum.map({ count < $0 }) ?? true, let record = try next(stop) {
            if order.isMeant(record) { count += 1 }
        }
    }

    var total: Int? { source.total }

    func next(_ stop: StopSign) throws -> Record? {
        guard let record = try source.next(stop) else { return nil }
        if order.isMeant(record) { try check(record) }
        return record
    }

    private func check(_ record: Record) throws(CommandFailure) {
        if case .bot(let bot) = order.target, let consumed, !ReplayWords.isConsumed(record.topic, consumed) {
            throw CommandFailure(ReplayWords.refusal(of: record.topic, bot, consumed) + ". Choose some: mesh replay TOPIC… --file")
        }
        let topic = order.target.topic(of: record)
        guard map.partitions[topic] != nil else {
            throw CommandFailure(
                "there is no topic \(topic) here. Make the mesh's topics: mesh topics apply; or choose some: mesh replay TOPIC… --file")
        }
    }

    func close() { source.close() }
}
