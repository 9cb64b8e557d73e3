import Bots
import FoundationEssentials
import Glibc
import Terminal
import Topology

/// The manifests that run a mesh in Kubernetes.
enum KubernetesCommand {
    /// How `deploy/kubernetes` is renewed.
    static let renewal = "mesh kubernetes --output deploy/kubernetes"

    static let all = [
        Command(
            "kubernetes", summary: "Print what runs the mesh in Kubernetes: StatefulSets, KEDA's ScaledObjects, Strimzi's topics and users",
            discussion: """
                Made from the bots as they are configured; deploy/kubernetes/README.md says what a cluster must have.

                  mesh kubernetes --output deploy/kubernetes
                  mesh kubernetes --image registry.example/botmesh:1.2.0 --output site && kubectl apply -k site
                """,
            flags: [
                Flag("output", value: "DIR", help: "write a file for each part into this folder; absent, print them all"),
                Flag("image", value: "IMAGE", default: "botmesh:\(Mesh.version)", help: "the container that holds meshbot and topics/"),
                Flag("namespace", value: "NAME", default: "botmesh", help: "where it all lives"), ConfigurationFlags.cluster,
                ConfigurationFlags.replicas("3"),
                Flag("env", value: "NAME", environment: "MESH_ENV", default: "production", help: "the overlay of deploy/bots that is used"),
                ConfigurationFlags.directory,
            ], run: run),
        Command(
            "kubernetes follow", summary: "Make a cluster run as many replicas as mesh scale wants, while it runs",
            discussion: """
                Reads mesh.control and tells KEDA by kubectl: a bot that somebody has scaled keeps that number, one that is drained has none, and for all others KEDA decides.
                deploy/kubernetes runs it as the Deployment mesh-follower.
                """,
            flags: [
                Flag("namespace", value: "NAME", default: "botmesh", help: "where the ScaledObjects live"),
                Flag("once", help: "tell what is wanted now, and end; exit status 1 when kubectl refuses"),
            ], run: follow),
    ]

    @Sendable private static func follow(_ invocation: Invocation) throws -> Int32 {
        let stop = StopSign.watch()
        // What kubectl needs to find its cluster and its login, and nothing else.
        let names = ["PATH", "HOME", "KUBECONFIG", "KUBERNETES_SERVICE_HOST", "KUBERNETES_SERVICE_PORT"]
        let environment = invocation.environment.filter { names.contains($0.key) }
        let follower = ControlFollower(
            settings: try invocation.settings(), namespace: try invocation.kubernetesName("namespace"), environment: environment,
            output: Output(invocation))
        return invocation.has("once") ? try follower.once() : follower.follow(until: stop)
    }

    @Sendable private static func run(_ invocation: Invocation) throws -> Int32 {
        let plan = try invocation.plan()
        let directory = try invocation["config-dir"].map(absolute) ?? Home.find(invocation.environment).bots
        let names = Set(plan.bots.map(\.name))
        let environment = invocation["env"] ?? "production"
        let site = KubernetesManifests.Site(
            image: invocation["image"] ?? "", namespace: try invocation.kubernetesName("namespace"), cluster: try invocation.cluster(),
            environment: environment, replicas: try invocation.integer("replicas", in: 1...32) ?? 3)
        let manifests = KubernetesManifests(
            site: site, catalogue: plan.catalogue, contracts: try plan.contracts(), configurations: plan.bots, access: try plan.access(),
            stateful: plan.topicOwners.map(\.isStateful),
            sources: try ConfigurationFiles.sources(directory: directory, environment: environment))
        let files = manifests.files(renewal: renewal)
        guard let output = invocation["output"].map(absolute) else {
            let resources = files.filter { $0.name != "kustomization.yaml" }
            Terminal.write(resources.map(\.text).joined(separator: "---\n"), to: STDOUT_FILENO)
            return 0
        }
        try FileManager.default.createDirectory(atPath: output, withIntermediateDirectories: true)
        for file in files { try Data(file.text.utf8).write(to: URL(filePath: "\(output)/\(file.name)"), options: .atomic) }
        Output(invocation).line("\(files.count) files for \(names.count) bots written into \(output)")
        return 0
    }
}
