import BotKit
import Terminal
import Topology

/// A contract as `mesh contract print` shows it.
struct ContractView: Encodable {
    struct Cancel: Encodable {
        let type: String
        let runField: String
        enum CodingKeys: String, CodingKey {
            case type
            case runField = "run_field"
        }
    }
    struct Retry: Encodable {
        let mode: String
        let maximumAttempts: Int
        let backoff: String
        let initialDelay: Double
        let maximumDelay: Double
        enum CodingKeys: String, CodingKey {
            case mode, backoff
            case maximumAttempts = "max_attempts"
            case initialDelay = "initial_delay_seconds"
            case maximumDelay = "max_delay_seconds"
        }
    }
    struct Permission: Encodable {
        let resource: String
        let actions: [String]
    }

    let name: String
    let summary: String
    let consumes: [String]
    let produces: [String]
    let calls: [String]
    let cancels: [Cancel]
    let retry: Retry
    let steps: [String]
    let never: [String]
    let permissions: [Permission]
    /// The consumer group.
    let group: String
    let reads: [String]
    let writes: [String]

    init(contract: Contract, configuration: BotConfiguration, access: BotAccess) {
        name = contract.name
        summary = contract.summary
        consumes = contract.consumes.map(\.name)
        produces = contract.produces.map(\.name)
        calls = contract.calls.map(\.name)
        cancels = contract.cancels.map { Cancel(type: $0.type.name, runField: $0.runField) }
        let retry = configuration.constraints.retry ?? contract.retry
        self.retry = Retry(
            mode: retry.mode.rawValue, maximumAttempts: retry.maximumAttempts, backoff: retry.backoff.rawValue,
            initialDelay: retry.initialDelay / .seconds(1), maximumDelay: retry.maximumDelay / .seconds(1))
        retryText =
            "\(retry.mode.rawValue), \(retry.maximumAttempts) attempts, \(retry.backoff.rawValue) from \(HumanText.duration(retry.initialDelay))"
            + " to \(HumanText.duration(retry.maximumDelay))"
        steps = contract.steps
        never = contract.never
        permissions = (configuration.permissions ?? contract.permissions).map { Permission(resource: $0.resource, actions: $0.actions) }
        group = contract.name
        reads = access.readable
        writes = access.writable
    }

    private let retryText: String

    enum CodingKeys: CodingKey {
        case name, summary, consumes, produces, calls, cancels, retry, steps, never, permissions, group, reads, writes
    }

    /// For people: a heading, and a line or more for each thing that there is.
    func lines(style: Style, width: Int) -> [String] {
        let own = Set(consumes + produces + cancels.map(\.type))
        let rows: [(String, String)] = [
            ("consumes", consumes.joined(separator: ", ")), ("produces", produces.joined(separator: ", ")),
            ("calls", calls.joined(separator: ", ")),
            ("cancelled by", cancels.map { "\($0.type) (\($0.runField))" }.joined(separator: ", ")), ("retry", retryText),
            ("steps", steps.joined(separator: ", ")), ("never", never.joined(separator: "; ")),
            ("permissions", permissions.map { "\($0.resource) (\($0.actions.joined(separator: ", ")))" }.joined(separator: ", ")),
            ("group", group), ("also reads", reads.filter { !own.contains($0) }.joined(separator: ", ")),
            ("also writes", writes.filter { !own.contains($0) }.joined(separator: ", ")),
        ]
        return [style(.bold, name) + "  " + summary] + Glossary(rows: rows.filter { !$0.1.isEmpty }).lines(width: width)
    }
}
