import BotKit
import Bots
import Calls
import Terminal
import Topology

/// What the bots promise.
enum ContractCommands {
    static let all = [
        Command(
            "contract print", summary: "Print what bots consume, produce, call, and must never do, as they are configured",
            discussion: """
                  mesh contract print BuildBot
                  mesh contract print --format json | jq -r '.name + ": " + (.produces | join(" "))'
                """,
            json: """
                one object a bot: name, summary, consumes, produces, calls, cancels (type, run_field), retry (mode, max_attempts, \
                backoff, initial_delay_seconds, max_delay_seconds), steps, never, permissions (resource, actions), group, reads and \
                writes, the topics that it may read and write at the broker
                """,
            arguments: [Argument("BOT", .zeroOrMore, help: "only these bots; absent, all that are enabled")],
            flags: ConfigurationFlags.all + [.format], run: print),
        Command(
            "contract check", summary: "Check the bots' contracts against the catalogue, the configuration and one another",
            discussion: """
                Finds a bot that consumes or produces what topics/ does not have, produces what belongs to another, is cancelled by a field that is not there, asks for a call
                that nobody performs, or waits for an event that nobody in this mesh produces (a warning). Exit status 1 when there is an error.
                """,
            json: "one object a finding: severity, bot, message",
            flags: ConfigurationFlags.all + [.format], run: check),
    ]

    @Sendable private static func print(_ invocation: Invocation) throws -> Int32 {
        let plan = try invocation.plan()
        for name in invocation.arguments where !plan.bots.contains(where: { $0.name == name }) {
            throw UsageError.unknown("enabled bot", name, among: plan.bots.map(\.name))
        }
        let output = Output(invocation)
        let views = try zip(zip(plan.contracts(), plan.access()), plan.bots).map { pair, configuration in
            ContractView(contract: pair.0, configuration: configuration, access: pair.1)
        }
        let wanted = views.filter { invocation.arguments.isEmpty || invocation.arguments.contains($0.name) }
        for (index, view) in wanted.enumerated() {
            if output.format == .json {
                try output.object(view)
            } else {
                if index > 0 { output.line() }
                for line in view.lines(style: output.style, width: output.width ?? Program.helpWidth) { output.line(line) }
            }
        }
        return 0
    }

    @Sendable private static func check(_ invocation: Invocation) throws -> Int32 {
        let plan = try invocation.plan()
        let performed = try plan.bots.map { bot in
            try CallPerformers.standard(
                dataDirectory: invocation.dataDirectory, sandbox: waitFor { await Sandbox.detect(environment: [:]) }, configuration: bot,
                environment: [:]
            ).kinds
        }
        let contracts = try plan.contracts()
        let check = ContractCheck(contracts: contracts, catalogue: plan.catalogue, performed: Set(performed.flatMap { $0 }))
        let findings = check.findings
        let errors = findings.filter { $0.severity == .error }.count
        let output = Output(invocation)
        if output.format == .json {
            for finding in findings { try output.object(FindingObject(finding)) }
        } else {
            for finding in findings { output.line(finding.description) }
            output.line(
                "\(contracts.count) contracts, \(plan.catalogue.definitions.count) topics: \(errors) errors, \(findings.count - errors) warnings"
            )
        }
        return errors == 0 ? 0 : 1
    }
}

/// The JSON form of a finding.
private struct FindingObject: Encodable {
    let severity: String
    let bot: String
    let message: String

    init(_ finding: ContractCheck.Finding) {
        severity = finding.severity.rawValue
        bot = finding.bot
        message = finding.message
    }
}
