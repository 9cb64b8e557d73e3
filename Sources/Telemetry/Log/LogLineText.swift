import Envelopes

/// One log line before it becomes bytes.
struct LogLineText {
    let time: Timestamp
    let level: Logger.Level
    let bot: String
    let instance: String
    let correlationID: String?
    let message: String
    let fields: [(key: String, value: JSONValue)]

    private static let reserved: Set<String> = ["time", "level", "bot", "instance", "correlation_id", "message"]
    /// Fields beyond this many are left out.
    private static let mostFields = 64

    /// The line with its line end, at most `Logger.maximumLineBytes` long. A JSON line stays JSON: what is too long loses its fields and the end of its message.
    func bytes(_ format: Logger.Format) -> [UInt8] {
        var bytes = text(format, message: message, fields: fields.prefix(Self.mostFields).filter { !Self.reserved.contains($0.key) })
        if bytes.count >= Logger.maximumLineBytes {
            // In the worst case every byte of the message takes six.
            let room = (Logger.maximumLineBytes - 1024) / 6
            let short = String(decoding: message.utf8.prefix(room), as: UTF8.self) + "…"
            bytes = text(format, message: message.utf8.count <= room ? message : short, fields: [("truncated", .bool(true))])
        }
        bytes.append(UInt8(ascii: "\n"))
        return bytes
    }

    private func text(_ format: Logger.Format, message: String, fields: [(key: String, value: JSONValue)]) -> [UInt8] {
        switch format {
        case .json: json(message, fields)
        case .text: plain(message, fields)
        }
    }

    private func json(_ message: String, _ fields: [(key: String, value: JSONValue)]) -> [UInt8] {
        var line: [UInt8] = []
        func member(_ name: String, _ value: JSONValue) {
            line.append(UInt8(ascii: line.isEmpty ? "{" : ","))
            line += JSONValue.string(name).bytes
            line.append(UInt8(ascii: ":"))
            line += value.bytes
        }
        member("time", .string(time.text))
        member("level", .string(level.rawValue))
        member("bot", .string(bot))
        if !instance.isEmpty { member("instance", .string(instance)) }
        if let correlationID { member("correlation_id", .string(String(correlationID.prefix(128)))) }
        member("message", .string(message))
        for (name, value) in fields { member(name, value) }
        line.append(UInt8(ascii: "}"))
        return line
    }

    private func plain(_ message: String, _ fields: [(key: String, value: JSONValue)]) -> [UInt8] {
        let padded = level.rawValue + String(repeating: " ", count: 5 - level.rawValue.count)
        var text = "\(time.text) \(padded) \(instance.isEmpty ? bot : instance): \(Self.printable(message))"
        for (name, value) in fields {
            // A text that is one plain word stands without quotes.
            if case .string(let word) = value, !word.isEmpty, word.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7f && $0 != UInt8(ascii: "\"") }) {
                text += " \(Self.printable(name))=\(word)"
            } else {
                text += " \(Self.printable(name))=\(value.jsonText)"
            }
        }
        if let correlationID { text += " correlation_id=\(Self.printable(String(correlationID.prefix(128))))" }
        return Array(text.utf8)
    }

    /// Without control characters, so that no message can look like two lines or move the cursor.
    private static func printable(_ text: String) -> String {
        guard text.unicodeScalars.contains(where: isControl) else { return text }
        var result = ""
        for scalar in text.unicodeScalars {
            result.unicodeScalars.append(contentsOf: isControl(scalar) ? Array(scalar.escaped(asASCII: true).unicodeScalars) : [scalar])
        }
        return result
    }

    private static func isControl(_ scalar: Unicode.Scalar) -> Bool { scalar.value < 0x20 || (0x7f..<0xa0).contains(scalar.value) }
}
