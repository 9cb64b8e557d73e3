import BotKit
import Envelopes
import Terminal

/// Names that dead letters have, and those of bots that may have none, for whoever mistypes one.
struct SeenNames {
    private var bots: Set<String> = []
    private var codes: Set<String> = []
    /// The broker's topics, and those that dead letters came from.
    private var topics: Set<String> = []
    /// Places that are meant and were not seen.
    private var missing: Set<DeadLetterPlace> = []
    private static let most = 10_000

    mutating func add(_ letter: DeadLetter) {
        if let bot = letter.bot, bots.count < Self.most { bots.insert(bot) }
        if codes.count < Self.most { codes.insert(letter.code) }
        if let topic = letter.origin?.topic, topics.count < Self.most { topics.insert(topic) }
        missing.remove(letter.place)
    }

    /// Takes the names of all topics that the broker has, and the places that are meant.
    mutating func know(topics: Set<String>, places: Set<DeadLetterPlace> = []) {
        self.topics = topics
        missing = places
    }

    /// What is wrong with the names that a person gave: a bot or a topic that nobody knows, or a reason that no dead letter has and that is near to one that some
    /// have. A bot that is known and has no dead letters is no mistake.
    func problem(bots wanted: [String] = [], reasons: [String] = [], topics patterns: [String] = []) -> UsageError? {
        let known = KnownBots.names(seen: bots, topics: topics)
        let lower = Set(known.map { $0.lowercased() })
        if let name = wanted.first(where: { !lower.contains($0.lowercased()) }) { return .unknown("bot", name, among: known) }
        for text in patterns {
            guard let pattern = try? EventPattern(parsing: text), !topics.contains(where: { pattern.matches(EventType($0)) }) else {
                continue
            }
            return .unknown("topic", text, among: topics)
        }
        for code in reasons where !codes.contains(code) {
            guard let near = NearestName.of(code, in: codes) else { continue }
            return UsageError("no dead letter has the reason '\(code.printable)'; did you mean '\(near.printable)'?")
        }
        return nil
    }

    /// The places that are meant and where no dead letter lies, in words; nil when there are none.
    var missingPlaces: String? { missing.isEmpty ? nil : missing.sorted().map(\.description).joined(separator: ", ") }

    /// Throws what is wrong with `--bot`, `--reason`, `--topic` and the places.
    func check(_ invocation: Invocation) throws {
        let (bots, reasons, topics) = (invocation.all("bot"), invocation.all("reason"), invocation.all("topic"))
        if let problem = problem(bots: bots, reasons: reasons, topics: topics) { throw problem }
        if let places = missingPlaces {
            throw CommandFailure("\(OwnTopic.deadLetters) has no record at \(places). See what there is: mesh dlq list")
        }
    }
}
