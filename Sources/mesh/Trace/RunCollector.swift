import Envelopes
import Kafka

/// Gathers what belongs to one run, in bounded memory.
struct RunCollector {
    let correlationID: String
    private(set) var entries: [TraceEntry] = []
    private(set) var logs: [TraceLog] = []
    /// Entries that had no room.
    private(set) var left = 0
    private var places: [String: Int] = [:]
    private var calls: [String: Int] = [:]
    private let logLines: Int

    static let maximumEntries = 20_000
    static let maximumSteps = 2_000

    /// `logLines`: how many of each step's last lines are kept.
    init(correlationID: String, logLines: Int) {
        self.correlationID = correlationID
        self.logLines = logLines
    }

    var isEmpty: Bool { entries.isEmpty && logs.isEmpty }

    /// Takes a record of the run.
    mutating func take(_ record: Record, _ content: RecordContent) {
        switch content {
        case .envelope(let envelope):
            if record.topic.hasSuffix(".log") { return takeLine(envelope) }
            add(Self.entry(record, envelope, content.payload))
        case .plain(let json): if record.topic == AuditRecord.topic { takeCall(record, json) }
        case .null, .unreadable: break
        }
    }

    private mutating func add(_ entry: TraceEntry) {
        guard entries.count < Self.maximumEntries else {
            left += 1
            return
        }
        entries.append(entry)
    }

    private static func entry(_ record: Record, _ envelope: Envelope, _ payload: JSONValue) -> TraceEntry {
        let place = record.topicPartition.at(record.offset)
        let words = [EventLine.subject(payload), EventLine.detail(envelope.type, payload)].filter { !$0.isEmpty }.joined(separator: "  ")
        var entry = TraceEntry(
            kind: .event, time: envelope.timestamp, place: place, name: envelope.type.name, by: envelope.source, id: envelope.id.text,
            causationID: envelope.causationID, detail: words, replay: envelope.replay)
        let written = record.timestamp.kind == .none ? envelope.timestamp : Timestamp(milliseconds: record.timestamp.milliseconds)
        let attempts = record.text("mesh_attempts") ?? "0"
        // A replayed record says when it happened first, and happens now.
        let isReplayed = record.text(ReplayHeader.origin) != nil
        if isReplayed { entry.time = written }
        let isForOneBot = isReplayed && record.text("mesh_attempts") == nil && record.topic.hasPrefix(OwnTopic.retry)
        if record.topic == OwnTopic.deadLetters {
            entry.kind = .deadLetter
            entry.time = written
            entry.by = record.text("mesh_bot") ?? "?"
            entry.causationID = envelope.id.text
            entry.isFailure = true
            let code = record.text("mesh_error_code") ?? "?"
            entry.detail = "\(code), attempt \(attempts): \(record.text("kafka_dlt-exception-message") ?? "")"
        } else if isForOneBot {
            entry.detail += "  for \(record.text("kafka_dlt-original-consumer-group") ?? "one bot") alone"
        } else if record.topic.hasPrefix(OwnTopic.retry) {
            entry.kind = .retry
            entry.time = written
            entry.by = record.text("kafka_dlt-original-consumer-group") ?? String(record.topic.dropFirst(OwnTopic.retry.count))
            entry.causationID = envelope.id.text
            let due = record.text("mesh_not_before").flatMap { Int64($0) }.map { Timestamp(milliseconds: $0) }
            // What a redrive puts back begins again at the first attempt.
            let redrives = record.text(RecordHeader.attempts) == nil ? record.text(RecordHeader.redrives) : nil
            let putBack = redrives.map { "put back from \(OwnTopic.deadLetters), redrive \($0)" }
            let why = record.text(RecordHeader.reminder).map { "reminder \($0)" } ?? putBack ?? "after attempt \(attempts)"
            entry.detail = why + (due.map { ", due \($0.text)" } ?? "")
        } else {
            entry.artifact = artifact(payload["artifact"])
            let last = envelope.type.name.split(separator: ".").last ?? ""
            entry.isFailure = ["failed", "error", "rolled_back", "health_check_failed"].contains(last)
        }
        return entry
    }

    private static func artifact(_ value: JSONValue?) -> TraceArtifact? {
        guard let value, let url = value["url"]?.string else { return nil }
        return TraceArtifact(url: url, sha256: value["sha256"]?.string ?? "", bytes: value["size_bytes"]?.integer ?? 0)
    }

    /// A call's beginning and end become one entry; what a person did stands for itself.
    private mutating func takeCall(_ record: Record, _ json: JSONValue) {
        guard let action = json["action"]?.string, let time = json["at"]?.string.flatMap(Timestamp.parse) else { return }
        let place = record.topicPartition.at(record.offset)
        let actor = json["actor"]?.string ?? "?"
        let key = json["idempotency_key"]?.string ?? place
        guard action.hasPrefix("call.") else {
            let subject = json["subject"]?.string ?? ""
            var entry = TraceEntry(
                kind: action == "replay.skipped" ? .call : .person, time: time, place: place, name: action, by: actor,
                runID: json["run_id"]?.string, detail: subject)
            let isRefused = json["outcome"]?.string == AuditRecord.refused
            if isRefused { entry.detail += ", refused: \(json["code"]?.string ?? "?")" }
            entry.isFailure = action == "replay.skipped" || isRefused
            return add(entry)
        }
        if action == "call.replayed" {
            var entry = TraceEntry(
                kind: .call, time: time, place: place, name: json["subject"]?.string ?? "?", by: actor, runID: json["run_id"]?.string,
                detail: "\(json["outcome"]?.string ?? "?"), answered from the audit")
            entry.replay = json["replay"]?.string
            entry.isRecalled = true
            return add(entry)
        }
        if action == "call.finished", let index = calls.removeValue(forKey: key) {
            finish(&entries[index], json)
            return
        }
        var entry = TraceEntry(
            kind: .call, time: time, place: place, name: json["subject"]?.string ?? "?", by: actor, runID: json["run_id"]?.string,
            detail: json["is_repeat"]?.bool == true ? "again, not back yet" : "not back yet", callKey: key, isOpen: true)
        if action == "call.finished" {
            // Its beginning lies before what was read.
            finish(&entry, json)
            entry.time = time.advanced(by: .zero - (entry.took ?? .zero))
        } else if entries.count < Self.maximumEntries {
            calls[key] = entries.count
        }
        add(entry)
    }

    private func finish(_ entry: inout TraceEntry, _ json: JSONValue) {
        let outcome = json["outcome"]?.string ?? "?"
        entry.isOpen = false
        entry.duration = json["duration_seconds"]?.number.map(TraceEntry.inRange)
        entry.isFailure = outcome != "success"
        entry.detail = [outcome, json["code"]?.string].compactMap { $0 }.joined(separator: ", ")
        if json["is_repeat"]?.bool == true { entry.detail += " (repeated)" }
    }

    private mutating func takeLine(_ envelope: Envelope) {
        guard let line = try? envelope.decode(StepLog.self) else { return }
        let key = "\(line.runID)\u{1f}\(line.step)"
        if places[key] == nil {
            guard logs.count < Self.maximumSteps else { return }
            places[key] = logs.count
            logs.append(TraceLog(step: line.step, runID: line.runID, by: envelope.source, lines: 0, excerpt: []))
        }
        guard let index = places[key] else { return }
        logs[index].lines += 1
        guard logLines > 0 else { return }
        if logs[index].excerpt.count == logLines { logs[index].excerpt.removeFirst() }
        logs[index].excerpt.append(line.text.count > 500 ? line.text.prefix(499) + "…" : line.text)
    }
}
