import BotKit
import Calls
import Envelopes
import MeshTesting
import Testing

@Suite struct KubernetesDeployTests {
    /// kubectl is no part of the mesh: where it is missing these tests fail and say so.
    private func deployer(_ fixture: DeployFixture) throws -> KubernetesDeployer {
        var environment = ChildCommand.plainEnvironment
        environment["HOME"] = try fixture.scratch.directory("home")
        let found = ChildCommand.find("kubectl", path: environment["PATH"] ?? "")
        let kubectl = try #require(found, "kubectl is missing: deploy/bootstrap.sh --test installs it (Debian: kubernetes-client)")
        return KubernetesDeployer(dataDirectory: fixture.data, store: fixture.store, kubectl: kubectl, environment: environment)
    }

    private func request(
        _ fixture: DeployFixture, _ cluster: FakeKubernetes, _ operation: DeployKubernetes.Operation = .apply, image: String? = nil,
        manifests: String? = nil, files: [String: String] = ["x": "y"], limit: Duration = .seconds(20)
    ) async throws -> DeployKubernetes {
        try fixture.scratch.write("kubeconfig", cluster.kubeconfig)
        return DeployKubernetes(
            deployID: "d1", operation: operation,
            target: KubernetesTarget(
                environment: "cluster", kubeconfig: "\(fixture.scratch.path)/kubeconfig", context: "fake", namespace: "prod",
                deployment: "shop", container: "shop", image: image, manifests: manifests, rolloutTimeLimit: limit), commit: "c1",
            artifact: try await fixture.artifact(files))
    }

    @Test func setsTheImageAndWaitsForTheRollout() async throws {
        let (fixture, cluster) = (try await DeployFixture(), FakeKubernetes())
        let call = try await request(fixture, cluster, image: "registry/shop:c1")
        for _ in 0..<2 {
            let report = try await deployer(fixture).perform(call, fixture.context)
            #expect(report.passed, "\(report)")
        }
        #expect(cluster.image == "registry/shop:c1")
        // The repeat finds the image there and sends nothing.
        #expect(cluster.changes.count == 1)
        let patch = try #require(cluster.changes.first)
        #expect(patch.method == "PATCH" && patch.target.hasPrefix("/apis/apps/v1/namespaces/prod/deployments/shop"))
        #expect(patch.headers["content-type"] == "application/strategic-merge-patch+json")
        let containers = try JSONValue.parse(patch.body)["spec"]?["template"]?["spec"]?["containers"]
        #expect(containers?.array == [.object(["name": .string("shop"), "image": .string("registry/shop:c1")])])
        #expect(cluster.server.requests.contains { $0.method == "GET" && $0.target.contains("fieldSelector=metadata.name%3Dshop") })
    }

    @Test func appliesTheArtifactsManifests() async throws {
        let (fixture, cluster) = (try await DeployFixture(), FakeKubernetes())
        let manifest = """
            apiVersion: apps/v1
            kind: Deployment
            metadata: {name: shop, namespace: prod}
            spec:
              replicas: 2
              selector: {matchLabels: {app: shop}}
              template:
                metadata: {labels: {app: shop}}
                spec: {containers: [{name: shop, image: "registry/shop:fromfile"}]}
            """
        let call = try await request(fixture, cluster, manifests: "k8s", files: ["k8s/deployment.yaml": manifest])
        let report = try await deployer(fixture).perform(call, fixture.context)
        #expect(report.passed, "\(report)")
        #expect(cluster.image == "registry/shop:fromfile")
        #expect(!fixture.scratch.exists("data/environments/cluster/releases/.d1.partial"))
        let outside = try await request(fixture, cluster, manifests: "../x")
        #expect(await callFailure { try await deployer(fixture).perform(outside, fixture.context) }?.code == "bad-path")
    }

    @Test func aRolloutThatDoesNotFinishIsAFailureAndIsUndone() async throws {
        let (fixture, cluster) = (try await DeployFixture(), FakeKubernetes(isReady: false))
        let apply = try await request(fixture, cluster, image: "registry/shop:c1", limit: .seconds(1))
        let report = try await deployer(fixture).perform(apply, fixture.context)
        #expect(!report.passed)
        #expect(report.reason?.hasPrefix("kubectl rollout status: ") == true)
        let undo = try await request(fixture, cluster, .undo)
        let undone = try await deployer(fixture).perform(undo, fixture.context)
        #expect(undone.passed, "\(undone)")
        #expect(cluster.image == "registry/shop:old")
        #expect(cluster.changes.last?.headers["content-type"] == "application/json-patch+json")
    }

    @Test func aClusterThatDoesNotAnswerIsAPassingFailure() async throws {
        let (fixture, cluster) = (try await DeployFixture(), FakeKubernetes())
        let call = try await request(fixture, cluster, image: "registry/shop:c1")
        cluster.server.stop()
        let failure = await callFailure { try await deployer(fixture).perform(call, fixture.context) }
        #expect(failure?.kind == .transient, "\(String(describing: failure))")
    }
}
