import Envelopes
import Kafka

/// The newest dead letters that are open: nobody has put them back, or purged them. Bounded.
struct DeadLetterList {
    private(set) var open: [TopFigures.Failure] = []
    /// What was done about dead letters that may still be read: their places with their timestamps.
    private var marked: Set<String> = []
    /// Older marks are of dead letters that are not shown any more.
    static let maximumMarks = 20_000

    mutating func add(_ letter: TopFigures.Failure) {
        if !marked.contains(Self.name(letter.place, letter.at.milliseconds)) { open.add(letter) }
    }

    mutating func add(_ mark: DeadLetterMark) {
        if marked.count >= 2 * Self.maximumMarks { marked = [] }
        let place = "\(OwnTopic.deadLetters)[\(mark.partition)]@\(mark.offset)"
        marked.insert(Self.name(place, mark.timestamp))
        open.removeAll { $0.place == place && $0.at.milliseconds == mark.timestamp }
    }

    private static func name(_ place: String, _ milliseconds: Int64) -> String { "\(place) \(milliseconds)" }
}

extension [TopFigures.Failure] {
    /// Keeps the hundred newest, the newest first, and each place once.
    mutating func add(_ failure: TopFigures.Failure) {
        guard !contains(where: { $0.place == failure.place }) else { return }
        insert(failure, at: firstIndex { $0.at <= failure.at } ?? count)
        if count > 100 { removeLast() }
    }
}
