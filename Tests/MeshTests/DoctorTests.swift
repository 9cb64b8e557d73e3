import BotKit
import Calls
import Envelopes
import Kafka
import KafkaProtocol
import Terminal
import Testing
import Topology

@testable import mesh

@Suite struct DoctorTests {
    private func machine() -> MachineCheck {
        MachineCheck(
            programs: ["git", "tar", "zstd", "prlimit", "setpriv", "bwrap"], sandbox: .full, sandboxText: "",
            disk: ("/data", 100 << 30, 200 << 30), isClockKept: true, bots: [])
    }

    @Test func aSoundMachineHasNothingToMend() {
        #expect(machine().findings.allSatisfy { $0.status == .fine && $0.mend == nil })
        #expect(Set(machine().findings.map(\.check)) == ["tools", "sandbox", "disk", "clock"])
    }

    @Test func whatTheMachineLacksIsToldWithItsMending() {
        var lame = machine()
        lame.programs = ["tar"]
        lame.sandbox = .reduced
        lame.disk = ("/data", 500 << 20, 200 << 30)
        lame.isClockKept = false
        lame.bots = [
            BotConfiguration(
                name: "DeployBot",
                actions: [BotConfiguration.Action(name: "production", type: "deploy.kubernetes")])
        ]
        let findings = lame.findings
        #expect(findings.first == .problem("tools", "not installed: git, kubectl", mend: "sudo apt-get install git kubernetes-client"))
        #expect(findings.contains { $0.status == .warning && $0.mend == "sudo apt-get install util-linux" })
        #expect(findings.contains { $0.check == "sandbox" && $0.status == .problem && $0.mend == "sudo apt-get install bubblewrap" })
        let disk = findings.first { $0.check == "disk" }
        #expect(disk?.status == .problem && disk?.message == "500 MiB of 200 GiB are free under /data")
        #expect(findings.contains { $0.check == "clock" && $0.status == .warning })
    }

    @Test func whatABrokerCannotDoIsNamed() {
        var all: [Int16: Int16] = [:]
        for api in APIKey.allCases { all[api.rawValue] = api.versions.upperBound }
        #expect(BrokerFeatures(requests: all, settings: [:]).findings.map(\.status) == [.fine])
        #expect(BrokerFeatures(requests: all, settings: [:]).findings.first?.message.contains("Kafka 2.8 or later") == true)
        var old = all
        old[28] = 2
        old[26] = nil
        let findings = BrokerFeatures(requests: old, settings: [:]).findings
        #expect(findings.first?.status == .problem)
        #expect(findings.first?.message == "the broker lacks transactions, fencing of a group's old members")
        #expect(findings.first?.mend?.contains("--delivery at-least-once") == true)
        // TLS: not asked is not lacking.
        #expect(BrokerFeatures(requests: nil, settings: [:]).findings.map(\.status) == [.warning])
    }

    @Test(arguments: [
        ("group.min.session.timeout.ms", "6000", nil), ("group.min.session.timeout.ms", "10000", Finding.Status.problem),
        ("transaction.max.timeout.ms", "900000", nil), ("transaction.max.timeout.ms", "1000", .problem),
        ("offsets.retention.minutes", "10080", nil), ("offsets.retention.minutes", "60", .warning), ("offsets.retention.minutes", "?", nil),
    ]) func settingsThatBotsCannotLiveWith(name: String, value: String, status: Finding.Status?) {
        let findings = BrokerFeatures(requests: nil, settings: [name: value]).findings.filter { $0.check == "settings" }
        #expect(findings.map(\.status) == (status.map { [$0] } ?? []))
    }

    private func access() throws -> BotAccess {
        try BotAccess(
            contract: Contract(name: "BuildBot", summary: "", consumes: ["code.committed"], produces: ["build.completed"]),
            configuration: BotConfiguration(name: "BuildBot"), catalogue: EventCatalogue())
    }

    @Test func rulesThatAreMissingAreNamed() throws {
        let access = try access()
        #expect(AccessCheck(bots: [access], rules: access.rules).findings.map(\.status) == [.fine])
        let without = access.rules.filter { $0.name != "code.committed" && $0.resource != .transactionalID }
        let finding = try #require(AccessCheck(bots: [access], rules: without).findings.first)
        #expect(finding.message == "BuildBot may not: read topic code.committed")
        #expect(finding.mend?.hasPrefix("mesh acl print BuildBot") == true)
        #expect(AccessCheck(bots: [access], rules: []).findings.first?.message.hasSuffix(" more") == true)
    }

    @Test func widerRulesAllowAndDenialsRefuse() throws {
        let access = try access()
        func rule(
            _ resource: AccessRule.Resource, _ name: String, _ pattern: AccessRule.Pattern = .literal, principal: String = "User:BuildBot",
            _ permission: AccessRule.Permission = .allow
        ) -> AccessRule {
            AccessRule(resource: resource, name: name, pattern: pattern, principal: principal, operation: .all, permission: permission)
        }
        func isFine(_ rules: AccessRule...) -> Bool { AccessCheck(bots: [access], rules: rules).findings.first?.status == .fine }
        #expect(isFine(rule(.topic, "*"), rule(.group, "*")))
        #expect(isFine(rule(.topic, "", .prefixed, principal: "User:*"), rule(.group, "*", principal: "User:buildbot")))
        #expect(!isFine(rule(.topic, "*"), rule(.group, "*"), rule(.topic, "build.", .prefixed, .deny)))
        #expect(!isFine(rule(.topic, "*", principal: "User:TestBot"), rule(.group, "*")))
    }

    @Test func aRuleForOneHostTellsNothingOfTheOthers() throws {
        let access = try access()
        func findings(_ change: (inout AccessRule) -> Void, and more: [AccessRule] = []) -> [Finding] {
            let rules = access.rules.map { rule in
                var rule = rule
                if rule.name == "code.committed" { change(&rule) }
                return rule
            }
            return AccessCheck(bots: [access], rules: rules + more).findings
        }
        let committed = try #require(access.rules.first { $0.name == "code.committed" })
        var denied = committed
        (denied.permission, denied.host) = (.deny, "10.0.0.7")
        for partly in [findings { $0.host = "10.0.0.7" }, findings({ _ in }, and: [denied])] {
            #expect(partly.map(\.status) == [.warning])
            #expect(partly.first?.message == "BuildBot may only from some hosts: read topic code.committed")
        }
        #expect(findings({ $0.host = "10.0.0.7" }, and: [committed]).map(\.status) == [.fine])
        denied.host = "*"
        #expect(findings({ $0.host = "10.0.0.7" }, and: [denied]).map(\.status) == [.problem])
    }

    @Test func topicsAndTheirPartitionsAreJudged() {
        let wanted = EventDefinition(type: "build.a", owner: "BuildBot", partitions: 1, retention: .seconds(60))
        func findings(_ existing: [String: TopicPlan.Existing], leader: Int32 = 1, inSync: [Int32] = [1]) -> [Finding] {
            let plan = TopicPlan(wanted: [wanted], existing: existing, replicas: 1, ownedPrefixes: ["build."])
            let partition = ClusterMetadata.Partition(id: 0, leader: leader, replicas: [1], inSyncReplicas: inSync, error: nil)
            let topics = existing.mapValues { _ in ClusterMetadata.Topic(name: "build.a", partitions: [partition], error: nil) }
            return TopicCheck(plan: plan, metadata: ClusterMetadata(brokers: [], topics: topics, clusterID: nil), names: ["build.a"])
                .findings
        }
        let settled = ["cleanup.policy": "delete", "max.message.bytes": "1048576", "retention.ms": "60000"]
        #expect(findings(["build.a": .init(partitions: 1, settings: settled)]) == [.fine("topics", "1 topics are as the catalogue wants")])
        #expect(findings([:]) == [.problem("topics", "1 missing: build.a", mend: "mesh topics apply")])
        #expect(findings(["build.a": .init(partitions: 9, settings: settled)]).map(\.status) == [.warning])
        let state = EventDefinition(type: "state.a", owner: "ABot", partitions: 6, retention: .seconds(60))
        let growth = TopicPlan(wanted: [state], existing: ["state.a": .init(partitions: 3)], replicas: 1, ownedPrefixes: [])
        let told = TopicCheck(plan: growth, metadata: ClusterMetadata(brokers: [], topics: [:], clusterID: nil), names: []).findings
        #expect(told.map(\.status) == [.warning] && told.first?.mend?.contains("--force") ?? false)
        let broken = findings(["build.a": .init(partitions: 1, settings: settled)], leader: -1, inSync: [])
        #expect(broken.map(\.status) == [.fine, .problem, .warning])
    }

    @Test func botsThatNobodyRunsAreNamed() {
        #expect(GroupCheck(bots: ["A", "B"], members: ["A": 2, "B": 1]).finding == .fine("groups", "2 bots run, in 3 instances"))
        let idle = GroupCheck(bots: ["A", "B", "C"], members: ["A": 1, "B": 0]).finding
        #expect(idle.status == .warning && idle.message == "nobody does the work of B, C")
        let now = Timestamp.now
        let records = [
            instanceRecord("A", 1, seen: now), instanceRecord("A", 2, state: .paused, seen: now),
            instanceRecord("B", 1, state: .stopped, seen: now), instanceRecord("C", 1, seen: now.advanced(by: .seconds(-3_600))),
            instanceRecord("OfAnotherConfiguration", 1, seen: now),
        ]
        let statuses = records.map {
            InstanceStatus(record: $0, standing: Standing($0, wish: .running, now: now), age: Standing.age(of: $0, now: now))
        }
        let told = GroupCheck(bots: ["A", "B", "C"], statuses: statuses)
        #expect(told.members == ["A": 2])
        #expect(told.finding.message == "nobody does the work of B, C")
    }

    @Test func answersThatAreNoneAreRefused() {
        #expect(APIVersionsProbe.decode([]) == nil)
        #expect(APIVersionsProbe.decode(Array("HTTP/1.1 400 Bad Request\r\n".utf8)) == nil)
        #expect(APIVersionsProbe.decode([0, 0, 0, 1, 0, 0, 0x7f, 0xff, 0xff, 0xff]) == nil)
        #expect(APIVersionsProbe.decode([0, 0, 0, 1, 0, 35, 0, 0, 0, 0]) == nil)
        #expect(APIVersionsProbe.decode([0, 0, 0, 1, 0, 0, 0, 0, 0, 1, 0, 18, 0, 0, 0, 4]) == [18: 4])
    }

    @Test func aFindingIsAlignedWithItsMending() {
        let lines = FindingText(.problem("topics", "1 missing: build.a", mend: "mesh topics apply")).lines(
            style: Style(isColoured: false), width: 80)
        #expect(lines == ["problem  topics         1 missing: build.a", "                        mend it: mesh topics apply"])
    }
}
