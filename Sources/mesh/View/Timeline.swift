import Envelopes
import Terminal

/// The events of one run in order of time, each with the time since the first.
struct Timeline {
    let entries: [EventReader.Entry]

    func text(_ style: Style) -> String {
        let sorted = entries.sorted { ($0.envelope.timestamp, $0.offset) < ($1.envelope.timestamp, $1.offset) }
        guard let first = sorted.first else { return "no events\n" }
        return sorted.map { entry in
            let seconds = Double(entry.envelope.timestamp.duration(since: first.envelope.timestamp) / .milliseconds(1)) / 1000
            let offset = "+\((seconds * 100).rounded() / 100) s"
            let padding = String(repeating: " ", count: max(0, 10 - offset.count))
            let type = entry.envelope.type.name
            let padded = type + String(repeating: " ", count: max(1, 26 - type.count))
            let words = [EventLine.subject(entry.payload), EventLine.detail(entry.envelope.type, entry.payload)]
            return
                "  \(padding)\(style(.grey, offset))  \(style(EventLine.colour(type), padded)) \(words.filter { !$0.isEmpty }.joined(separator: "  "))\n"
        }.joined()
    }
}
