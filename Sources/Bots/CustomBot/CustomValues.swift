import BotKit
import Envelopes

/// What `${name}` stands for in a run: a field of the payload, `env.NAME`, an earlier action's output, or something of the run itself; the first that there is.
struct CustomValues {
    let bot: CustomBot
    let run: CustomRun
    let event: Event
    let context: Context
    let payload: JSONValue

    init(bot: CustomBot, run: CustomRun, event: Event, context: Context) throws(Rejection) {
        self.bot = bot
        self.run = run
        self.event = event
        self.context = context
        do throws(JSONError) {
            payload = try JSONValue.parse(event.envelope.payload)
        } catch {
            throw .permanent("invalid-payload", "the payload of \(event.type) is not JSON: \(error.message)")
        }
    }

    func value(_ name: String) -> JSONValue? {
        if name.hasPrefix("env.") { return bot.environment[String(name.dropFirst(4))].map { .string($0) } }
        if let field = payload[dotted: name] { return field }
        if let special = special(name) { return special }
        let words = name.split(separator: ".", maxSplits: 1)
        guard words.count == 2 else { return nil }
        return run.outputs[String(words[0])]?[dotted: String(words[1])]
    }

    private func special(_ name: String) -> JSONValue? {
        switch name {
        case "run.id": .string(context.runID)
        case "run.attempt": .integer(Int64(context.attempt))
        case "event.id": .string(event.envelope.id.text)
        case "event.type": .string(event.type.name)
        case "event.source": .string(event.envelope.source)
        case "event.timestamp": .string(event.envelope.timestamp.text)
        case "event.correlation_id": .string(event.envelope.correlationID)
        case "event.priority": .string(event.envelope.priority.rawValue)
        case "event.key": event.key.map { .string($0) }
        case "bot.name": .string(bot.name)
        case "bot.version": .string(bot.version)
        default: nil
        }
    }
}

/// How an action's outside work ended, in the bot's eyes.
struct CustomResult {
    /// nil: it succeeded.
    let failure: String?
    let isTransient: Bool
    private let values: [String: JSONValue]

    init(_ call: CustomCall, _ outcome: CallOutcome, expected: Set<Int>) {
        switch call {
        case .execute(let request, _):
            switch outcome.response(to: request) {
            case .success(let response):
                failure = response.isSuccess ? nil : response.reason
                isTransient = false
                values = [
                    "exit_status": .integer(Int64(response.exitStatus)), "stdout": .string(response.stdout),
                    "stderr": .string(response.stderr),
                    "output": .string(response.output), "duration_seconds": .double(response.durationSeconds),
                ]
            case .failure(let error): (failure, isTransient, values) = (error.message, error.kind == .transient, [:])
            }
        case .http(let request, _):
            switch outcome.response(to: request) {
            case .success(let response):
                let isExpected = expected.isEmpty ? (200...299).contains(response.status) : expected.contains(response.status)
                failure = isExpected ? nil : "the answer was \(response.status)"
                isTransient = !isExpected && (response.status == 429 || response.status >= 500)
                let body: JSONValue
                do throws(JSONError) { body = try JSONValue.parse(response.body) } catch { body = .string(response.body) }
                values = ["status": .integer(Int64(response.status)), "body": body]
            case .failure(let error): (failure, isTransient, values) = (error.message, error.kind == .transient, [:])
            }
        }
    }

    func outputs(keeping names: Set<String>) -> JSONValue {
        .object(values.merging(["failure": .string(failure ?? "")]) { $1 }.filter { names.contains($0.key) })
    }
}
