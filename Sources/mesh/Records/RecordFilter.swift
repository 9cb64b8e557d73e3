import BotKit
import Bots
import Envelopes
import Glibc
import Kafka
import Terminal

/// Which records are meant, by what stands in them.
struct RecordFilter {
    /// A condition over the payload, in the filter language of bot configurations.
    private(set) var condition: Filter?
    /// What the condition looks at; nil without one.
    private var looksAt: [String]?
    private var pick: JSONPick?
    /// The run, or the beginning of its id.
    var correlation: String?
    /// Who wrote it.
    var bot: String?

    var isEmpty: Bool { condition == nil && correlation == nil && bot == nil }

    /// Flags that it is made of.
    static let whereFlag = Flag(
        "where", value: "FILTER", help: "only records whose payload fits, e.g. \"branch == 'main' && duration_seconds > 60\"")
    static let correlationFlag = Flag(
        "correlation", value: "ID", help: "only records of this run; the beginning of its id is enough where that is a UUID")
    static let botFlag = Flag("bot", value: "BOT", help: "only what this bot wrote")

    init(condition: Filter? = nil, correlation: String? = nil, bot: String? = nil) {
        self.condition = condition
        self.correlation = correlation
        self.bot = bot
        prepare()
    }

    /// Finds what the condition looks at: the first words of its names.
    private mutating func prepare() {
        guard let names = condition?.names.map({ String($0.prefix { $0 != "." }) }) else { return }
        let distinct = Set(names).sorted()
        looksAt = distinct
        pick = JSONPick(distinct)
    }

    init(_ invocation: Invocation) throws(UsageError) {
        if let text = invocation["where"] {
            do throws(FilterError) {
                condition = try Filter.parse(text)
            } catch {
                throw UsageError("--where, line \(error.line), column \(error.column): \(error.message)")
            }
        }
        prepare()
        correlation = invocation["correlation"]
        bot = invocation["bot"]
        // Anybody may write events, so any name can be meant; one that is nearly a bot's is probably mistyped.
        let bots = BotRegistry.all.map { $0.contract.name }
        if let bot, !bots.contains(bot), let near = NearestName.of(bot, in: bots) {
            Terminal.write(
                "mesh: no bot that comes with the mesh is called '\(bot.printable)'; did you mean '\(near)'?\n", to: STDERR_FILENO)
        }
    }

    /// Whether a run's id is the one that a person named, or a UUID that begins so: `run-1` is not `run-10`.
    static func isRun(_ id: String, _ wanted: String) -> Bool {
        id.hasPrefix(wanted) && (id.utf8.count == wanted.utf8.count || UniqueID(id) != nil)
    }

    /// Whether the record is meant.
    func admits(_ record: Record, _ content: RecordContent) -> Bool {
        guard !isEmpty else { return true }
        switch content {
        case .envelope(let envelope):
            if let correlation, !Self.isRun(envelope.correlationID, correlation) { return false }
            if let bot, envelope.source != bot, record.text("mesh_bot") != bot { return false }
        case .plain(let json):
            if let correlation, !(json["correlation_id"]?.string.map { Self.isRun($0, correlation) } ?? false) { return false }
            if let bot, json["bot"]?.string != bot, json["actor"]?.string?.hasPrefix("\(bot)-") != true { return false }
        case .null, .unreadable: return false
        }
        return condition?.matches(payload(content)) ?? true
    }

    /// The payload, as far as the condition looks at it.
    private func payload(_ content: RecordContent) -> JSONValue {
        guard let looksAt, let pick, case .envelope(let envelope) = content else { return content.payload }
        guard let values = try? pick.values(of: envelope.payload) else { return .null }
        var members: [String: JSONValue] = [:]
        for (name, value) in zip(looksAt, values) { members[name] = value }
        return .object(members)
    }
}

extension RecordContent {
    /// What a filter looks at, and what people read: the payload, or the JSON of the mesh's own records. Null where there is none.
    var payload: JSONValue {
        switch self {
        case .envelope(let envelope): (try? JSONValue.parse(envelope.payload)) ?? .null
        case .plain(let json): json
        case .null, .unreadable: .null
        }
    }
}
