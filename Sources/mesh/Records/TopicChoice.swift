import BotKit
import Envelopes
import Terminal

/// The topics that a person means: names, and patterns in which `*` is one word and `#` any number of them.
///
/// A pattern means event topics. The mesh's own (`mesh.dlq`, `retry.…`) are meant where their first word is written out, logs where the pattern ends with `log`.
struct TopicChoice {
    let patterns: [EventPattern]

    init(_ words: [String]) throws(UsageError) {
        var patterns: [EventPattern] = []
        for word in words {
            do throws(LanguageError) {
                patterns.append(try EventPattern(parsing: word))
            } catch {
                throw UsageError("'\(word)' is no topic and no pattern: \(error.message)")
            }
        }
        self.patterns = patterns
    }

    func matches(_ topic: String) -> Bool { patterns.contains { Self.means($0, topic) } }

    private static func means(_ pattern: EventPattern, _ topic: String) -> Bool {
        guard pattern.isWild else { return pattern.description == topic }
        guard pattern.matches(EventType(topic)) else { return false }
        if topic.hasSuffix(".log") { return pattern.description.hasSuffix(".log") }
        return !OwnTopic.isOwn(topic) || pattern.description.hasPrefix(topic.prefix { $0 != "." } + ".")
    }

    func among(_ topics: some Sequence<String>) -> [String] { topics.filter(matches).sorted() }

    /// Throws where these are the broker's topics and one of the words means none of them, be it a name or a pattern: it is wrong use, for every command.
    /// `place` is a file whose topics they are; nil: the broker's.
    func check(among topics: [String], place: String? = nil) throws(UsageError) {
        let hint = place == nil ? ". See what there is: mesh topics list" : ""
        let location = place.map { " in \($0)" } ?? ""
        for pattern in patterns {
            let text = pattern.description
            if pattern.isWild {
                guard !topics.contains(where: { Self.means(pattern, $0) }) else { continue }
                let first = text.prefix { $0 != "." }
                let domains = Set(topics.map { String($0.prefix { $0 != "." }) })
                let near = domains.contains(String(first)) ? nil : NearestName.of(String(first), in: domains)
                let meant = near.map { "; did you mean '\($0)\(text.dropFirst(first.count))'?" } ?? hint
                throw UsageError("no topic\(location) matches '\(text)'\(meant)")
            }
            guard !topics.contains(text) else { continue }
            let near = NearestName.of(text, in: topics).map { "; did you mean '\($0)'?" } ?? hint
            throw UsageError("no topic '\(text)'\(location)\(near)")
        }
    }
}

/// Topics that carry no events of their own: the mesh's, each bot's, and the brokers'.
enum OwnTopic {
    static let retry = "retry."
    static let inbox = "inbox."
    static let deadLetters = "mesh.dlq"

    static func isOwn(_ topic: String) -> Bool {
        // The first letter settles it for most.
        switch topic.utf8.first {
        case UInt8(ascii: "m"), UInt8(ascii: "r"), UInt8(ascii: "i"), UInt8(ascii: "s"), UInt8(ascii: "_"): break
        default: return false
        }
        return topic.hasPrefix("mesh.") || topic.hasPrefix(retry) || topic.hasPrefix(inbox) || topic.hasPrefix("state.")
            || topic.hasPrefix("_")
    }

    /// The topic that nobody but the bot reads.
    static func retryTopic(of bot: String) -> String { retry + bot.lowercased() }

    /// Whether its records are events that lay on another topic first, as their headers say.
    static func keepsEvents(_ topic: String) -> Bool {
        topic == deadLetters || topic.hasPrefix(retry) || topic.hasPrefix(inbox)
    }
}
