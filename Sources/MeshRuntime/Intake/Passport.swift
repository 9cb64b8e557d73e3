import BotKit
import Envelopes
import Kafka

/// What travels with a record through the bot's own topics (`inbox.<bot>`, `retry.<bot>`) and into the dead letters: where it came from first, how
/// often it was tried, when it is due.
struct Passport: Equatable {
    /// Where the record lay first.
    struct Origin: Equatable {
        var topic: String
        var partition: Int32
        var offset: Int64
        var timestamp: RecordTimestamp
    }

    var origin: Origin
    /// Attempts made so far.
    var attempts = 0
    var firstFailure: Timestamp?
    /// Not to be handled before this instant.
    var notBefore: Timestamp?
    /// How many events of each type earlier attempts made visible: an attempt suppresses those.
    var produced: [String: Int] = [:]
    var reminder: DueReminder?
    /// The aggregate, in an inbox and for reminders.
    var aggregate: String?
    /// How urgent the trigger made it; nil: as the envelope says.
    var priority: Priority?
    /// How often a person has put the record back.
    var redrives = 0
    /// The headers that the record had at its origin.
    var headers: Headers
    /// The key that it had at its origin.
    var key: [UInt8]?

    /// It came by the retry topic.
    var cameByRetry = false

    /// Whether the record went through the retry topic or was put back by a person, so that later ones of its key may have been handled before it.
    var wasOvertaken: Bool { cameByRetry || attempts > 0 || redrives > 0 }

    /// It waits because an attempt failed.
    var isRetry: Bool { attempts > 0 }

    /// The identity of the input: the event's, or the reminder's. Ids of what it leads to are derived from it.
    func inputID(of event: Event) -> EventID { reminder.flatMap { EventID($0.id) } ?? event.envelope.id }

    struct DueReminder: Equatable {
        var reminder: Reminder
        /// Identity of this reminder: part of every id derived from it.
        var id: String
    }

    typealias Name = RecordHeader
}

// Outside of the struct: its own memberwise initializer builds it in place, and any other one inside copies it.
extension Passport {
    /// Of a record that carries nothing of the mesh's.
    init(first record: borrowing Record) {
        self.init(
            origin: Origin(topic: record.topic, partition: record.partition, offset: record.offset, timestamp: record.timestamp),
            headers: record.headers, key: record.key)
    }

    /// Reads what a record carries. On an event topic anybody may have written it: only the count of redrives is believed, and the place in that same topic
    /// where it lay first. What it is, is what stands in that topic.
    init(_ record: borrowing Record, isOwnTopic: Bool) {
        self.init(first: record)
        if Self.mayHaveOwn(record.headers) { readOwn(record, isOwnTopic: isOwnTopic) }
    }

    /// Reads what the mesh has written into the record's headers.
    private mutating func readOwn(_ record: borrowing Record, isOwnTopic: Bool) {
        headers = Headers(record.headers.filter { !Name.isOwn($0.name) })
        redrives = Self.count(Name.redrives, in: record)
        if let topic = Self.text(Name.originTopic, in: record), let partition: Int32 = Self.number(Name.originPartition, in: record),
            let offset: Int64 = Self.number(Name.originOffset, in: record), EventType(topic).isLegal, partition >= 0, offset >= 0,
            isOwnTopic || topic == record.topic
        {
            let kind: RecordTimestamp.Kind =
                switch Self.text(Name.originTimestampType, in: record) {
                case "CreateTime": .created
                case "LogAppendTime": .appended
                default: .none
                }
            let milliseconds: Int64 = Self.number(Name.originTimestamp, in: record) ?? -1
            origin = Origin(
                topic: topic, partition: partition, offset: offset, timestamp: RecordTimestamp(kind: kind, milliseconds: milliseconds))
        }
        guard isOwnTopic else { return }
        cameByRetry = Self.text(Name.overtaken, in: record) != nil
        attempts = Self.count(Name.attempts, in: record)
        firstFailure = Self.number(Name.firstFailure, in: record).map { Timestamp(milliseconds: $0) }
        notBefore = Self.number(Name.notBefore, in: record).map { Timestamp(milliseconds: $0) }
        aggregate = Self.text(Name.aggregate, in: record)
        priority = Self.text(Name.priority, in: record).flatMap { Priority(rawValue: $0) }
        for part in (Self.text(Name.produced, in: record) ?? "").split(separator: ",") {
            let pair = part.split(separator: ":")
            if pair.count == 2, let count = Int(pair[1]) { produced[String(pair[0])] = count }
        }
        if let name = Self.text(Name.reminder, in: record), let id = Self.text(Name.reminderID, in: record) {
            let after: Int64 = Self.number(Name.reminderAfter, in: record) ?? 0
            reminder = DueReminder(reminder: Reminder(name: name, after: .milliseconds(after)), id: id)
        }
        if let original = record.headers.last(where: { $0.name == Name.key }) { key = original.value }
        if record.headers.contains(where: { $0.name == Name.keyIsNull }) { key = nil }
    }

    /// The headers that a record of the bot's own topics carries.
    func ownHeaders(group: String) -> Headers {
        var result = headers + originHeaders(group: group)
        if attempts > 0 { result.append(Header(Name.attempts, text: String(attempts))) }
        if redrives > 0 { result.append(Header(Name.redrives, text: String(redrives))) }
        if cameByRetry { result.append(Header(Name.overtaken, text: "1")) }
        if let firstFailure { result.append(Header(Name.firstFailure, text: String(firstFailure.milliseconds))) }
        if let notBefore { result.append(Header(Name.notBefore, text: String(notBefore.milliseconds))) }
        result.append(contentsOf: continuationHeaders)
        if let key { result.append(Header(Name.key, key)) } else { result.append(Header(Name.keyIsNull, text: "1")) }
        return result
    }

    /// What a later attempt needs to go on where this one stood: also a dead letter carries it, for the day when it is put back.
    var continuationHeaders: [Header] {
        var result: [Header] = []
        if let priority { result.append(Header(Name.priority, text: priority.rawValue)) }
        if let aggregate { result.append(Header(Name.aggregate, text: aggregate)) }
        if !produced.isEmpty {
            let text = produced.sorted { $0.key < $1.key }.map { "\($0.key):\($0.value)" }.joined(separator: ",")
            result.append(Header(Name.produced, text: text))
        }
        if let reminder {
            result.append(Header(Name.reminder, text: reminder.reminder.name))
            result.append(Header(Name.reminderID, text: reminder.id))
            result.append(Header(Name.reminderAfter, text: String(reminder.reminder.after.wholeMilliseconds)))
        }
        return result
    }

    func originHeaders(group: String) -> [Header] {
        let kind =
            switch origin.timestamp.kind {
            case .created: "CreateTime"
            case .appended: "LogAppendTime"
            case .none: "NoTimestampType"
            }
        return [
            Header(Name.originTopic, text: origin.topic), Header(Name.originPartition, text: String(origin.partition)),
            Header(Name.originOffset, text: String(origin.offset)),
            Header(Name.originTimestamp, text: String(origin.timestamp.milliseconds)), Header(Name.originTimestampType, text: kind),
            Header(Name.originGroup, text: group),
        ]
    }

    /// Whether any header begins like one of the mesh's, which of most records tells that there is none.
    static func mayHaveOwn(_ headers: borrowing Headers) -> Bool {
        var found = false
        headers.withEach { name, _ in
            switch name.first {
            case UInt8(ascii: "m"): found = found || name.starts(with: mesh)
            case UInt8(ascii: "k"): found = found || name.starts(with: kafka)
            default: break
            }
        }
        return found
    }

    private static let mesh = Array("mesh_".utf8)
    private static let kafka = Array("kafka_".utf8)

    private static func text(_ name: String, in record: Record) -> String? {
        record.headers.last { $0.name == name }?.value.map { String(decoding: $0, as: UTF8.self) }
    }

    /// A count that anybody may have written: within bounds whatever it says.
    private static func count(_ name: String, in record: Record) -> Int { min(max(0, number(name, in: record) ?? 0), 1_000_000) }

    private static func number<Number: FixedWidthInteger>(_ name: String, in record: Record) -> Number? {
        text(name, in: record).flatMap { Number($0) }
    }
}
