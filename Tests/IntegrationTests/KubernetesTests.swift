import BotKit
import Bots
import Envelopes
import FoundationEssentials
import MeshTesting
import Testing
import Topology
import YAMLText

/// `deploy/kubernetes`: what is committed is what the definitions make, and it names bots, groups and topics that there are.
@Suite struct KubernetesTests {
    private static let directory = Programs.root + "/deploy/kubernetes"

    private func documents() throws -> [JSONValue] {
        try FileManager.default.contentsOfDirectory(atPath: Self.directory).filter { $0.hasSuffix(".yaml") }.sorted().flatMap { file in
            let text = try String(contentsOfFile: "\(Self.directory)/\(file)", encoding: .utf8)
            return try text.components(separatedByLine: "---").map { part in
                let (node, errors) = YAML.read(bytes: Array(part.utf8), file: file)
                #expect(errors.isEmpty, "\(errors)")
                return try #require(node?.json)
            }
        }
    }

    private func documents(_ kind: String) throws -> [JSONValue] { try documents().filter { $0["kind"] == .string(kind) } }

    @Test func theFilesAreThoseOfTheDefinitions() async throws {
        let directory = try TemporaryDirectory.make()
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let answer = try await Programs.run(try Programs.mesh, ["kubernetes", "--output", "\(directory)/out"], log: "\(directory)/log")
        #expect(answer.status == .exited(0), "\(answer.text)")
        let made = try FileManager.default.contentsOfDirectory(atPath: "\(directory)/out").sorted()
        let committed = try FileManager.default.contentsOfDirectory(atPath: Self.directory).filter { $0.hasSuffix(".yaml") }.sorted()
        #expect(made == committed)
        for file in made {
            let (new, old) = (
                try String(contentsOfFile: "\(directory)/out/\(file)", encoding: .utf8),
                try String(contentsOfFile: "\(Self.directory)/\(file)", encoding: .utf8)
            )
            #expect(new == old, "\(file) is not what the definitions make; renew it: mesh kubernetes --output deploy/kubernetes")
        }
    }

    @Test func kustomizeTakesThemWhole() async throws {
        let directory = try TemporaryDirectory.make()
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let answer = try await Programs.run(try Programs.find("kubectl"), ["kustomize", Self.directory], log: "\(directory)/log")
        #expect(answer.status == .exited(0), "\(answer.text)")
        let kinds = answer.text.split(separator: "\n").filter { $0.hasPrefix("kind: ") }
        #expect(kinds.count == (try documents().count) - 1, "all but the kustomization itself")
    }

    @Test func podsDrainAndAreConfined() throws {
        let sets = try documents("StatefulSet")
        #expect(sets.count == BotRegistry.all.count)
        let settings = try #require(try documents("ConfigMap").first { $0["metadata"]?["name"] == "mesh-settings" }?["data"])
        let drain = try #require(settings["MESH_DRAIN_SECONDS"]?.string.flatMap { Int64($0) })
        for set in sets {
            let pod = try #require(set["spec"]?["template"]?["spec"])
            #expect(try #require(pod["terminationGracePeriodSeconds"]?.integer) > drain + 10)
            #expect(pod["securityContext"]?["runAsNonRoot"] == true && pod["automountServiceAccountToken"] == false)
            let container = try #require(pod["containers"]?.array?.first)
            #expect(container["securityContext"]?["readOnlyRootFilesystem"] == true)
            #expect(container["securityContext"]?["allowPrivilegeEscalation"] == false)
            #expect(container["livenessProbe"]?["httpGet"]?["path"] == "/health")
            #expect(container["readinessProbe"]?["httpGet"]?["path"] == "/ready")
            #expect(container["ports"]?.array?.first?["containerPort"]?.integer.map { "\($0)" } == settings["MESH_HEALTH_PORT"]?.string)
            let command = try #require(container["command"]?.array?.last?.string)
            #expect(BotRegistry.all.contains { command.contains("exec meshbot \($0.contract.name) --replica ") }, "\(command)")
        }
    }

    /// Only the one that tells KEDA what is wanted has a token, and may do nothing else with it.
    @Test func theFollowerMayOnlyTellKEDA() throws {
        let deployments = try documents("Deployment")
        #expect(deployments.map { $0["metadata"]?["name"] } == ["mesh-follower"])
        let container = deployments[0]["spec"]?["template"]?["spec"]?["containers"]?.array?.first
        #expect(container?["command"]?.array?.prefix(3) == ["mesh", "kubernetes", "follow"])
        #expect(container?["securityContext"]?["readOnlyRootFilesystem"] == true)
        let rules = try documents("Role").flatMap { $0["rules"]?.array ?? [] }
        #expect(rules == [["apiGroups": ["keda.sh"], "resources": ["scaledobjects"], "verbs": ["get", "patch"]]])
        let user = try #require(try documents("KafkaUser").first { $0["metadata"]?["name"] == "mesh-follower" })
        let acls = user["spec"]?["authorization"]?["acls"]?.array ?? []
        #expect(acls.compactMap { $0["resource"]?["name"]?.string } == ["mesh.control", "mesh.no-group"])
        #expect(acls.allSatisfy { $0["operations"] == ["Read"] })
    }

    /// The shell makes a replica's number of the pod's name, and no two pods get the same.
    @Test func aPodsNumberIsItsReplicas() async throws {
        let directory = try TemporaryDirectory.make()
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let command = try #require(
            try documents("StatefulSet").first?["spec"]?["template"]?["spec"]?["containers"]?.array?.first?["command"]?.array?.last?.string)
        for (pod, number) in [("buildbot-0", "1"), ("buildbot-11", "12")] {
            let answer = try await Programs.run(
                "/bin/sh", ["-c", command.replacing("exec meshbot", with: "echo")], environment: ["HOSTNAME": pod], log: "\(directory)/log")
            #expect(answer.text == "BuildBot --replica \(number)\n")
        }
    }

    /// What each bot consumes as production configures it.
    private func consumed() async throws -> [String: [EventPattern]] {
        let directory = try TemporaryDirectory.make()
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let answer = try await Programs.run(
            try Programs.mesh, ["contract", "print", "--env", "production", "--format", "json"], log: "\(directory)/log")
        let contracts = try answer.text.split(separator: "\n").map { try JSONValue.parse(Array($0.utf8)) }
        return Dictionary(
            uniqueKeysWithValues: try contracts.map { contract in
                let types = (contract["consumes"]?.array ?? []).compactMap(\.string)
                return (contract["name"]?.string ?? "", try types.map { try EventPattern(parsing: $0) })
            })
    }

    @Test func autoscalersNameBotsGroupsAndTopicsThatThereAre() async throws {
        let catalogue = try CatalogueLoader.load(directory: Programs.root + "/topics")
        let consumed = try await consumed()
        let sets = Set(try documents("StatefulSet").compactMap { $0["metadata"]?["name"]?.string })
        let users = Set(try documents("KafkaUser").compactMap { $0["metadata"]?["name"]?.string })
        let logins = Set(try documents("TriggerAuthentication").compactMap { $0["metadata"]?["name"]?.string })
        let topics = Dictionary(
            uniqueKeysWithValues: try documents("KafkaTopic").compactMap { topic in
                topic["spec"]?["topicName"]?.string.map { ($0, topic["spec"]?["partitions"]?.integer ?? 0) }
            })
        #expect(sets.union(["mesh-follower"]) == users && sets == logins)
        let scaled = try documents("ScaledObject")
        #expect(scaled.count == sets.count)
        for object in scaled {
            let name = try #require(object["metadata"]?["name"]?.string)
            let spec = try #require(object["spec"])
            #expect(spec["scaleTargetRef"]?["name"] == .string(name) && spec["scaleTargetRef"]?["kind"] == "StatefulSet")
            let bot = try #require(BotRegistry.all.first { $0.contract.name.lowercased() == name }, "\(name) is no bot")
            let patterns = try #require(consumed[bot.contract.name])
            var widest: Int64 = 0
            for trigger in try #require(spec["triggers"]?.array) {
                let metadata = try #require(trigger["metadata"]?.object)
                #expect(metadata.values.allSatisfy { $0.string != nil }, "\(name): KEDA takes only texts")
                #expect(metadata["consumerGroup"] == .string(bot.contract.name))
                let topic = try #require(metadata["topic"]?.string)
                widest = max(widest, try #require(topics[topic], "\(topic) is no topic"))
                let isInput = catalogue[EventType(topic)] != nil && patterns.contains { $0.matches(EventType(topic)) }
                #expect(isInput || topic == "inbox.\(name)", "\(name) does not consume \(topic)")
            }
            #expect(spec["maxReplicaCount"]?.integer == widest)
        }
    }
}

extension String {
    /// The parts between lines that are `line`.
    fileprivate func components(separatedByLine line: String) -> [String] {
        var parts = [""]
        for next in split(separator: "\n", omittingEmptySubsequences: false) {
            if next == line { parts.append("") } else { parts[parts.count - 1] += next + "\n" }
        }
        return parts
    }
}
