import BotKit
import Envelopes

/// What runs a mesh in Kubernetes, beside a Kafka that Strimzi keeps: a StatefulSet for each bot, scaled by KEDA on its lag.
///
/// A StatefulSet and no Deployment, because a replica's number is part of its transactional id: two pods of one number would fence each other.
public struct KubernetesManifests: Sendable {
    /// What differs between clusters.
    public struct Site: Sendable {
        /// Of the container that holds `meshbot` and the catalogue.
        public var image: String
        public var namespace: String
        /// Strimzi's name of the Kafka cluster.
        public var cluster: String
        /// The overlay of the bots' configuration.
        public var environment: String
        /// Copies of each partition.
        public var replicas: Int

        public init(image: String, namespace: String, cluster: String, environment: String, replicas: Int) {
            self.image = image
            self.namespace = namespace
            self.cluster = cluster
            self.environment = environment
            self.replicas = replicas
        }
    }

    /// A configured bot.
    struct Member {
        let contract: Contract
        let configuration: BotConfiguration
        let access: BotAccess
        let isStateful: Bool

        var name: String { KubernetesName.of(contract.name) }
    }

    let site: Site
    let catalogue: EventCatalogue
    let members: [Member]
    private let sources: [ConfigurationSource]

    /// All lists but `sources` have an element for each bot, in one order. `sources` are the files of the bots' configuration.
    public init(
        site: Site, catalogue: EventCatalogue, contracts: [Contract], configurations: [BotConfiguration], access: [BotAccess],
        stateful: [Bool], sources: [ConfigurationSource]
    ) {
        self.site = site
        self.catalogue = catalogue
        self.sources = sources
        members = zip(zip(contracts, configurations), zip(access, stateful)).map { pair, rest in
            Member(contract: pair.0, configuration: pair.1, access: rest.0, isStateful: rest.1)
        }
    }

    /// Each file with its text. `renewal` is the command that writes them.
    public func files(renewal: String) -> [(name: String, text: String)] {
        let head = "# Made from contracts, configuration and topics/; do not edit. Renew it: \(renewal)\n"
        let owners = members.map { (name: $0.contract.name, isStateful: $0.isStateful) }
        var files: [(name: String, text: String)] = [
            ("settings.yaml", settings), ("configuration.yaml", configuration), ("storage.yaml", storage),
            ("topics.yaml", catalogue.strimziTopics(bots: owners, cluster: site.cluster, replicas: site.replicas)),
            ("users.yaml", AccessText.strimzi(members.map(\.access), cluster: site.cluster)),
        ]
        files += members.map { ("\($0.name).yaml", bot($0)) }
        files.append(("mesh-follower.yaml", follower))
        files.append(("kustomization.yaml", kustomization(files.map(\.name))))
        return files.map { ($0.name, head + $0.text) }
    }

    private func kustomization(_ files: [String]) -> String {
        """
        apiVersion: kustomize.config.k8s.io/v1beta1
        kind: Kustomization
        namespace: \(site.namespace)
        resources:
        \(files.map { "  - \($0)" }.joined(separator: "\n"))

        """
    }

    /// The variables that every bot gets. The address and the certificate are those that Strimzi makes for its listener `tls`.
    private var settings: String {
        """
        apiVersion: v1
        kind: ConfigMap
        metadata:
          name: mesh-settings
        data:
          KAFKA_BOOTSTRAP_SERVERS: \(bootstrap)
          KAFKA_SECURITY_PROTOCOL: SASL_SSL
          KAFKA_SASL_MECHANISM: SCRAM-SHA-512
          KAFKA_SSL_CA_LOCATION: /etc/kafka/ca.crt
          MESH_ENV: \(YAMLWriter.string(site.environment))
          MESH_DELIVERY: exactly-once
          MESH_CONFIG_DIR: /etc/botmesh/bots
          MESH_DATA_DIR: /data
          MESH_HEALTH_HOST: 0.0.0.0
          MESH_HEALTH_PORT: "\(Self.healthPort)"
          MESH_DRAIN_SECONDS: "\(Self.drainSeconds)"

        """
    }

    /// The files of the bots' configuration, as they are. A key may hold no slash: an overlay's has a dot.
    private var configuration: String {
        let texts = configurationFiles.map { file in
            let lines = Self.lines(file.text).map { $0.isEmpty ? "" : "    \($0)" }
            return "  \(file.key): |\n" + lines.joined(separator: "\n").trimmingNewlines + "\n"
        }
        return "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: mesh-bots\ndata:\n" + texts.joined()
    }

    /// Without their ends, which may be those of Windows: each line of a block needs its indentation.
    private static func lines(_ text: String) -> [Substring] {
        // Swift takes a carriage return and the line feed after it for one character.
        text.split(omittingEmptySubsequences: false) { ["\n", "\r\n", "\r"].contains($0) }
    }

    /// Each file's key in the ConfigMap, and its path below the directory of the configuration.
    var configurationFiles: [(key: String, path: String, text: String)] {
        func name(_ file: String) -> String { file.split(separator: "/").last.map(String.init) ?? file }
        return sources.flatMap { source -> [(key: String, path: String, text: String)] in
            let base = name(source.base.file)
            var files = [(key: base, path: base, text: String(decoding: source.base.bytes, as: UTF8.self))]
            if let overlay = source.overlay {
                let text = String(decoding: overlay.bytes, as: UTF8.self)
                files.append((key: "\(site.environment).\(base)", path: "\(site.environment)/\(base)", text: text))
            }
            return files
        }
    }

    /// Artifacts are handed from bot to bot by their files' names.
    private var storage: String {
        """
        apiVersion: v1
        kind: PersistentVolumeClaim
        metadata:
          name: mesh-artifacts
        spec:
          accessModes: [ReadWriteMany]
          resources:
            requests:
              storage: 20Gi

        """
    }

    var bootstrap: String { "\(site.cluster)-kafka-bootstrap:9093" }
    static let healthPort = 9400
    static let drainSeconds = 25
    /// Above the drain, so that it ends by itself.
    static let graceSeconds = 45
}

extension String {
    fileprivate var trimmingNewlines: String {
        var text = Substring(self)
        while text.last == "\n" { text.removeLast() }
        return String(text)
    }
}
