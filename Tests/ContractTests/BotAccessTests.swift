import BotKit
import Bots
import Envelopes
import Kafka
import Testing
import Topology

/// The access rules of each bot are its contract, and nothing beyond it.
@Suite struct BotAccessTests {
    private func access(_ type: any Bot.Type, _ configuration: BotConfiguration? = nil) throws -> BotAccess {
        let configuration = configuration ?? BotConfiguration(name: type.contract.name)
        return try BotAccess(contract: type.contract, configuration: configuration, catalogue: try Shipped.catalogue.get())
    }

    /// Topics of the mesh itself that any bot writes.
    private let common: Set = ["mesh.dlq", "mesh.audit", "mesh.instances", "bot.error", "bot.capabilities"]

    @Test func aBotWritesWhatItProducesAndNothingOfOthers() throws {
        for type in BotRegistry.all {
            let contract = type.contract
            let own = Set(["retry", "state", "inbox"].map { "\($0).\(contract.name.lowercased())" })
            let lines = Set(contract.produces.map { "\($0.domain).log" })
            let writable = Set(try access(type).writable)
            #expect(writable.isSuperset(of: contract.produces.map(\.name)), "\(contract.name)")
            let rest = writable.subtracting(contract.produces.map(\.name)).subtracting(own).subtracting(common).subtracting(lines)
            #expect(rest.isEmpty, "\(contract.name) may write \(rest.sorted())")
        }
    }

    @Test func aBotReadsWhatItConsumesAndItsOwn() throws {
        for type in BotRegistry.all {
            let contract = type.contract
            let readable = try access(type).readable
            let patterns = try contract.consumes.map { try EventPattern(parsing: $0.name) }
            let cancels = contract.cancels.map(\.type.name)
            // The audit answers the calls of a replay.
            #expect(readable.contains("mesh.audit") == !contract.calls.isEmpty)
            for topic in readable
            where !["mesh.control", "mesh.audit"].contains(topic) && !topic.hasSuffix("." + contract.name.lowercased())
                && !cancels.contains(topic)
            {
                #expect(patterns.contains { $0.matches(EventType(topic)) }, "\(contract.name) may read \(topic)")
            }
            #expect(!readable.contains { $0.contains("*") || $0.contains("#") }, "\(contract.name): a pattern is no topic")
        }
    }

    @Test func buildBotDoesNotAskForDeploys() throws {
        let rules = try access(BuildBot.self).rules
        #expect(rules.contains { $0.name == "build.completed" && $0.operation == .write })
        #expect(!rules.contains { $0.name.hasPrefix("deploy.") && $0.operation == .write })
        #expect(rules.allSatisfy { $0.principal == "User:BuildBot" && $0.permission == .allow })
        #expect(rules.filter { $0.pattern == .prefixed }.map(\.name) == ["mesh-BuildBot-"])
    }

    @Test func schedulesAndNoticesBringTheirTopics() throws {
        var configuration = BotConfiguration(name: "MonitorBot")
        #expect(!(try access(BuildBot.self, configuration).writable.contains("schedule.fired")))
        configuration.triggers = [BotConfiguration.Trigger(kind: .schedule, pattern: "0 * * * *")]
        let scheduled = try access(BuildBot.self, configuration)
        #expect(scheduled.writable.contains("schedule.fired") && scheduled.readable.contains("schedule.fired"))
    }
}
