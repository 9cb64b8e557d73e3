/// What a broker must be able to do, judged from the requests that it says it answers and from its settings. Pure.
struct BrokerFeatures {
    /// The highest version of each request, by its number in Kafka's protocol; nil where the broker could not be asked.
    var requests: [Int16: Int16]?
    /// The broker's settings; empty where they could not be read.
    var settings: [String: String]

    private struct Need {
        let request: Int16
        let version: Int16
        let purpose: String
    }

    /// Numbers and versions: Apache Kafka's protocol guide. TxnOffsetCommit 3 (Kafka 2.5) fences by the group's generation.
    private static let needs = [
        Need(request: 0, version: 3, purpose: "records with headers"),
        Need(request: 1, version: 4, purpose: "reading only what is committed"),
        Need(request: 2, version: 1, purpose: "offsets for times"), Need(request: 11, version: 0, purpose: "consumer groups"),
        Need(request: 15, version: 0, purpose: "looking at groups"), Need(request: 22, version: 0, purpose: "idempotent producers"),
        Need(request: 24, version: 0, purpose: "transactions"), Need(request: 26, version: 0, purpose: "transactions"),
        Need(request: 28, version: 3, purpose: "fencing of a group's old members"),
        Need(request: 32, version: 0, purpose: "reading topics' settings"),
        Need(request: 33, version: 0, purpose: "changing topics' settings"),
        Need(request: 37, version: 0, purpose: "adding partitions"),
    ]

    /// Milliseconds: what the bots ask for.
    private static let sessionTimeout = 6000

    var findings: [Finding] { [requestsFinding] + settingsFindings }

    private var requestsFinding: Finding {
        guard let requests else {
            return .warning(
                "features", "not asked what it speaks (TLS); the checks below show what works", mend: "nothing, if they are well")
        }
        let missing = Self.needs.filter { (requests[$0.request] ?? -1) < $0.version }.map(\.purpose)
        var purposes: [String] = []
        for purpose in missing where !purposes.contains(purpose) { purposes.append(purpose) }
        guard purposes.isEmpty else {
            let transactional = purposes.contains { $0.contains("transactions") || $0.contains("fencing") }
            let other = transactional ? "; without transactions: mesh up --delivery at-least-once" : ""
            return .problem(
                "features", "the broker lacks \(purposes.joined(separator: ", "))", mend: "use Apache Kafka 2.8 or later" + other)
        }
        return .fine("features", "speaks as \(version(requests)); transactions, groups and times are there")
    }

    /// By requests that came with a version.
    private func version(_ requests: [Int16: Int16]) -> String {
        let marks: [(request: Int16, version: String)] = [(75, "3.8"), (66, "3.0"), (60, "2.8")]
        return marks.first { requests[$0.request] != nil }.map { "Kafka \($0.version) or later" } ?? "a Kafka before 2.8"
    }

    private var settingsFindings: [Finding] {
        var findings: [Finding] = []
        func number(_ name: String) -> Int? { settings[name].flatMap { Int($0) } }
        if let least = number("group.min.session.timeout.ms"), least > Self.sessionTimeout {
            findings.append(
                .problem(
                    "settings", "group.min.session.timeout.ms is \(least): bots ask for \(Self.sessionTimeout), and would be refused",
                    mend: "set group.min.session.timeout.ms=\(Self.sessionTimeout) at the broker"))
        }
        if let most = number("transaction.max.timeout.ms"), most < Self.sessionTimeout {
            findings.append(
                .problem(
                    "settings", "transaction.max.timeout.ms is \(most): bots ask for \(Self.sessionTimeout), and would be refused",
                    mend: "set transaction.max.timeout.ms=\(Self.sessionTimeout) or more at the broker"))
        }
        if let minutes = number("offsets.retention.minutes"), minutes < 1440 {
            findings.append(
                .warning(
                    "settings", "offsets.retention.minutes is \(minutes): a bot that is away for longer begins anew",
                    mend: "set offsets.retention.minutes=10080 at the broker"))
        }
        return findings
    }
}
