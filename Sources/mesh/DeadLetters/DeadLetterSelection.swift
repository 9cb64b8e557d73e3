import BotKit
import Envelopes
import Terminal

/// Which dead letters a command is about. What is empty or nil chooses nothing and leaves all.
struct DeadLetterSelection: Sendable {
    var places: Set<DeadLetterPlace> = []
    /// In lower case.
    var bots: Set<String> = []
    var codes: Set<String> = []
    var topics: [EventPattern] = []
    /// Milliseconds since 1970-01-01T00:00:00Z.
    var before: Int64?
    var after: Int64?
    var filter: Filter?
    var states: Set<DeadLetterState> = []

    /// Whether nothing at all is chosen.
    var isEverything: Bool {
        places.isEmpty && bots.isEmpty && codes.isEmpty && topics.isEmpty && states.isEmpty
            && before == nil && after == nil && filter == nil
    }

    /// Whether the dead letter is meant, its state aside.
    func matches(_ letter: DeadLetter) -> Bool {
        guard places.isEmpty || places.contains(letter.place) else { return false }
        guard bots.isEmpty || letter.bot.map({ bots.contains($0.lowercased()) }) ?? false else { return false }
        guard codes.isEmpty || codes.contains(letter.code) else { return false }
        if !topics.isEmpty {
            guard let topic = letter.origin?.topic, topics.contains(where: { $0.matches(EventType(topic)) }) else { return false }
        }
        if let before, letter.timestamp >= before { return false }
        if let after, letter.timestamp < after { return false }
        guard let filter else { return true }
        guard case .success(let envelope) = letter.envelope() else { return false }
        return filter.matches(FilterSubject.value(of: envelope))
    }

    static let flags = [
        Flag("bot", value: "NAME", repeats: true, help: "only what this bot gave up"),
        Flag("reason", value: "CODE", repeats: true, help: "only those with this code (mesh_error_code), e.g. invalid-payload"),
        Flag("topic", value: "TOPIC", repeats: true, help: "only those that came from this topic; 'build.*' is a pattern"),
        Flag("older-than", value: "DURATION", help: "only those that have lain for longer, e.g. 2h"),
        Flag("newer-than", value: "DURATION", help: "only those that have lain for less"),
        Flag(
            "where", value: "FILTER",
            help: "only those whose envelope fits: payload fields by name, the rest as envelope.NAME, e.g. \"branch == 'main'\""),
        Flag(
            "state", value: "STATE", choices: DeadLetterState.allCases.map(\.rawValue), repeats: true,
            help: "only those in this state"),
    ]

    /// Throws `UsageError` for what cannot be understood. `states` are those that count where no flag names any.
    init(_ invocation: Invocation, places words: [String] = [], states standard: Set<DeadLetterState>, now: Timestamp = .now) throws {
        for word in words {
            guard let place = DeadLetterPlace(word) else {
                throw UsageError("'\(word.printable)' is no dead letter; name it as mesh dlq list does: PARTITION@OFFSET, e.g. 3@10482")
            }
            places.insert(place)
        }
        bots = Set(invocation.all("bot").map { $0.lowercased() })
        codes = Set(invocation.all("reason"))
        for text in invocation.all("topic") {
            do {
                topics.append(try EventPattern(parsing: text))
            } catch {
                throw UsageError("--topic \(text.printable): \(error.message)")
            }
        }
        if let age = try invocation.duration("older-than") { before = now.advanced(by: .zero - age).milliseconds }
        if let age = try invocation.duration("newer-than") { after = now.advanced(by: .zero - age).milliseconds }
        if let text = invocation["where"] {
            do {
                filter = try Filter.parse(text)
                FieldCheck.tell(filter, invocation.all("topic").isEmpty ? nil : try TopicChoice(invocation.all("topic")), invocation)
            } catch let error as FilterError {
                throw UsageError("--where, column \(error.column): \(error.message)")
            }
        }
        states = Set(invocation.all("state").compactMap { DeadLetterState(rawValue: $0) })
        if states.isEmpty { states = standard }
    }

    init() {}
}

/// What a filter sees of an envelope: the payload's fields by their names, and all of the envelope under `envelope`.
enum FilterSubject {
    static func value(of envelope: Envelope) -> JSONValue {
        let whole = envelope.json
        var members = whole["payload"]?.object ?? [:]
        if members["envelope"] == nil { members["envelope"] = whole }
        return .object(members)
    }
}
