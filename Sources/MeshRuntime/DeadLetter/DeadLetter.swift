import BotKit
import Envelopes
import Kafka

/// Why a record became a dead letter or goes to retry.
struct Failure: Equatable {
    var code: String
    var message: String

    init(code: String, message: String) {
        self.code = code
        self.message = message
    }

    init(_ rejection: Rejection) { self.init(code: rejection.code, message: rejection.message) }
}

/// Makes the record for `mesh.dlq`: key, value and headers as they were, and beside them where it came from and why it is here.
struct DeadLetters: Sendable {
    let settings: RuntimeSettings
    let version: String
    /// Partitions of `mesh.dlq`.
    let partitions: Int32

    /// Text headers are cut at so many bytes, so that headers never grow without bound.
    static let maximumTextBytes = 1_024
    /// Headers of the origin, in bytes of names and values; what has no room is left out.
    static let maximumHeaderBytes = 64 << 10

    func record(
        for record: Record, _ passport: Passport, id: EventID?, failure: Failure, attempts: Int, at now: Timestamp, digestOnly: Bool = false
    ) -> OutgoingRecord {
        var kept = Self.kept(Array(passport.headers))
        if let id, !kept.contains(where: { $0.name == "ce_id" }) { kept.append(Header("ce_id", text: id.text)) }
        kept += passport.originHeaders(group: settings.group)
        kept += [
            Header(Passport.Name.exceptionName, text: "botmesh.\(Self.cut(failure.code, to: 100))"),
            Header(Passport.Name.exceptionMessage, text: Self.cut(failure.message)),
            Header(
                Passport.Name.exceptionTrace,
                text: Self.cut("\(settings.instance) \(version) at \(record.topicPartition)@\(record.offset), attempt \(attempts)")),
            Header(Passport.Name.bot, text: settings.bot),
            Header(Passport.Name.attempts, text: String(attempts)),
            Header(Passport.Name.errorCode, text: Self.cut(failure.code, to: 100)),
            Header(Passport.Name.firstFailure, text: String((passport.firstFailure ?? now).milliseconds)),
            Header(Passport.Name.redrives, text: String(passport.redrives)),
        ]
        kept += passport.continuationHeaders
        var value = record.value
        var key = passport.key
        if let bytes = value, digestOnly || bytes.count > settings.limits.deadLetterBytes {
            value = Array(
                ("{\"mesh_oversized\":true,\"origin\":\"\(passport.origin.topic)[\(passport.origin.partition)]@\(passport.origin.offset)\","
                    + "\"size_bytes\":\(bytes.count),\"sha256\":\"\(SHA256.hexadecimal(bytes))\"}").utf8)
        }
        if let bytes = key, digestOnly || bytes.count > settings.limits.deadLetterBytes / 16 { key = Array(SHA256.hexadecimal(bytes).utf8) }
        if digestOnly { kept = kept.filter { Passport.Name.own.contains($0.name) || $0.name == "ce_id" } }
        return OutgoingRecord(
            topic: settings.topics.deadLetters, partition: passport.origin.partition % max(1, partitions), key: key, value: value,
            headers: Headers(kept))
    }

    /// The origin's headers that have room, in their order. It is given first to those of the mesh, without which a replay would act for real when it is put back,
    /// then to those that tell what event it is.
    private static func kept(_ headers: [Header]) -> [Header] {
        func rank(_ name: String) -> Int {
            if name.hasPrefix("mesh_") { return 0 }
            return name.hasPrefix("ce_") || ["content-type", "traceparent", "tracestate"].contains(name) ? 1 : 2
        }
        let ranks = headers.map { rank($0.name) }
        var room = maximumHeaderBytes
        var kept: [Int] = []
        for place in headers.indices.sorted(by: { (ranks[$0], $0) < (ranks[$1], $1) }) {
            let size = headers[place].name.utf8.count + (headers[place].value?.count ?? 0)
            guard size <= room else { continue }
            room -= size
            kept.append(place)
        }
        return kept.sorted().map { headers[$0] }
    }

    /// The text cut at a character's border.
    static func cut(_ text: String, to maximum: Int = maximumTextBytes) -> String {
        guard text.utf8.count > maximum else { return text }
        var result = ""
        var bytes = 0
        for character in text {
            bytes += character.utf8.count
            if bytes > maximum - 3 { break }
            result.append(character)
        }
        return result + "…"
    }
}
