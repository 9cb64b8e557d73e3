import Bots
import Envelopes
import Kafka
import Terminal
import Topology

/// Looks for what keeps a mesh from working.
enum DoctorCommand {
    static let all = [
        Command(
            "doctor", summary: "Look for what keeps the mesh from working: machine, configuration, brokers, topics, access, clocks",
            discussion: """
                Each problem is told with the command that mends it. The exit status is 1 when there is a problem, 3 when no broker is reached; warnings do not count.
                It changes nothing, except that it takes the transactional id mesh-doctor to try transactions.

                  mesh doctor --brokers kafka.example:9092
                """,
            json: "one object a finding: check, status (ok, warning, problem), message, mend",
            flags: ConfigurationFlags.all + [.format], run: run)
    ]

    @Sendable private static func run(_ invocation: Invocation) throws -> Int32 {
        let output = Output(invocation)
        var counts: [Finding.Status: Int] = [:]
        func report(_ finding: Finding) throws {
            counts[finding.status, default: 0] += 1
            if output.format == .json {
                try output.object(finding)
            } else {
                for line in FindingText(finding).lines(style: output.style, width: output.width ?? 100) { output.line(line) }
            }
        }
        let plan = try configuration(invocation, report)
        let path = invocation.environment["PATH"] ?? "/usr/bin:/bin"
        for finding in try MachineCheck.here(dataDirectory: invocation.dataDirectory, path: path, bots: plan?.bots ?? []).findings {
            try report(finding)
        }
        var isReached = true
        if let plan {
            do {
                var failure: (any Error)?
                try BrokerCheck(settings: invocation.settings(), plan: plan, now: .now).run { finding in
                    do { try report(finding) } catch { failure = error }
                }
                if let failure { throw failure }
            } catch let error as NoBroker {
                isReached = false
                try report(.problem("brokers", error.description, mend: "mesh up, or name another with --brokers HOST:PORT"))
            } catch let error as KafkaError where error.isBrokersDown || error.isTimeout {
                isReached = false
                let reason = BrokerProbe.explain(try invocation.unprovenSettings())
                try report(.problem("brokers", "\(error)\n\(reason)", mend: "see the broker's log"))
            }
        }
        let (problems, warnings) = (counts[.problem] ?? 0, counts[.warning] ?? 0)
        if output.format == .text { output.line("\n" + summary(counts.values.reduce(0, +), problems, warnings)) }
        return !isReached ? 3 : problems > 0 ? 1 : 0
    }

    private static func summary(_ checks: Int, _ problems: Int, _ warnings: Int) -> String {
        func count(_ number: Int, _ word: String) -> String { "\(number) \(word)\(number == 1 ? "" : "s")" }
        return "\(count(checks, "check")): \(count(problems, "problem")), \(count(warnings, "warning"))"
    }

    /// nil where the configuration cannot be used: then there is no mesh to compare a broker with.
    private static func configuration(_ invocation: Invocation, _ report: (Finding) throws -> Void) throws -> MeshPlan? {
        let home = try Home.find(invocation.environment)
        let plan: MeshPlan
        do {
            plan = try MeshPlan(invocation, home: home)
        } catch let error as CommandFailure {
            let command = "mesh validate deploy/bots --env \(invocation["env"] ?? "development")"
            try report(.problem("configuration", error.description, mend: "correct the lines named, or set the variables; \(command)"))
            // Where only variables are missing, the rest can be looked at.
            guard let plan = try? MeshPlan(invocation, home: home, onlyLookedAt: true) else { return nil }
            return plan
        }
        let findings = ContractCheck(contracts: try plan.contracts(), catalogue: plan.catalogue).findings
        let errors = findings.filter { $0.severity == .error }.map(\.description)
        if errors.isEmpty {
            try report(.fine("configuration", "\(plan.bots.count) bots, and their contracts fit the catalogue"))
        } else {
            try report(.problem("configuration", "contracts do not fit: \(some(errors))", mend: "mesh contract check"))
        }
        return plan
    }
}
