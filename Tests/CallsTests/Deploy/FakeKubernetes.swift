import Envelopes
import MeshTesting
import Synchronization

/// Plays the API server for one Deployment `shop` in the namespace `prod`: discovery, reading, patching, listing, watching, and its two ReplicaSets.
final class FakeKubernetes: Sendable {
    private final class Cluster: Sendable {
        /// The image of the Deployment's container.
        let image = Mutex("registry/shop:old")
        let isReady: Bool
        init(isReady: Bool) { self.isReady = isReady }
    }

    private let cluster: Cluster
    let server: TestHTTPServer

    /// `isReady: false`: rollouts never finish.
    init(isReady: Bool = true) {
        let cluster = Cluster(isReady: isReady)
        self.cluster = cluster
        server = TestHTTPServer { Self.answer($0, cluster) }
    }

    var image: String { cluster.image.withLock { $0 } }
    /// What changed something, with the bodies.
    var changes: [TestHTTPServer.Request] { server.requests.filter { $0.method != "GET" } }

    /// A kubeconfig that leads here.
    var kubeconfig: String {
        """
        apiVersion: v1
        kind: Config
        clusters: [{name: fake, cluster: {server: "\(server.url)"}}]
        users: [{name: bot, user: {}}]
        contexts: [{name: fake, context: {cluster: fake, user: bot}}]
        current-context: fake
        """
    }

    private static func answer(_ request: TestHTTPServer.Request, _ cluster: Cluster) -> TestHTTPServer.Response {
        let path = String(request.target.prefix { $0 != "?" })
        let query = request.target.dropFirst(path.count)
        let base = "/apis/apps/v1/namespaces/prod"
        switch (request.method, path) {
        case ("GET", "/api"): return json(#"{"kind":"APIVersions","versions":["v1"]}"#)
        case ("GET", "/apis"):
            return json(
                #"{"kind":"APIGroupList","apiVersion":"v1","groups":[{"name":"apps","versions":[{"groupVersion":"apps/v1","version":"v1"}],"preferredVersion":{"groupVersion":"apps/v1","version":"v1"}}]}"#
            )
        case ("GET", "/api/v1"): return json(#"{"kind":"APIResourceList","groupVersion":"v1","resources":[]}"#)
        case ("GET", "/apis/apps/v1"):
            return json(
                #"{"kind":"APIResourceList","apiVersion":"v1","groupVersion":"apps/v1","resources":[{"name":"deployments","singularName":"deployment","namespaced":true,"kind":"Deployment","verbs":["get","list","patch","watch","create"],"shortNames":["deploy"]},{"name":"replicasets","singularName":"replicaset","namespaced":true,"kind":"ReplicaSet","verbs":["get","list"]}]}"#
            )
        case ("GET", "/openapi/v2"):
            return TestHTTPServer.Response(200, headers: [("Content-Type", "application/com.github.proto-openapi.spec.v2.v1.0+protobuf")])
        case ("GET", "\(base)/deployments/shop"): return json(deployment(cluster))
        case ("PATCH", "\(base)/deployments/shop"):
            if let image = newImage(request.text) { cluster.image.withLock { $0 = image } }
            return json(deployment(cluster))
        case ("GET", "\(base)/deployments") where query.contains("watch="):
            return json(#"{"type":"MODIFIED","object":\#(deployment(cluster))}"#)
        case ("GET", "\(base)/deployments"):
            return json(
                #"{"kind":"DeploymentList","apiVersion":"apps/v1","metadata":{"resourceVersion":"1"},"items":[\#(deployment(cluster))]}"#)
        case ("GET", "\(base)/replicasets"):
            return json(
                #"{"kind":"ReplicaSetList","apiVersion":"apps/v1","metadata":{"resourceVersion":"1"},"items":[\#(replicaSet(1, "registry/shop:old")),\#(replicaSet(2, "registry/shop:c1"))]}"#
            )
        default:
            return TestHTTPServer.Response(
                404, headers: [("Content-Type", "application/json")],
                body: #"{"kind":"Status","apiVersion":"v1","status":"Failure","code":404,"reason":"NotFound","message":"not found"}"#)
        }
    }

    /// The image in a patch, whatever its kind.
    private static func newImage(_ patch: String) -> String? {
        guard let start = patch.firstRange(of: #""image":""#) else { return nil }
        return String(patch[start.upperBound...].prefix { $0 != "\"" })
    }

    private static func template(_ image: String) -> String {
        #"{"metadata":{"labels":{"app":"shop"}},"spec":{"containers":[{"name":"shop","image":"\#(image)"}]}}"#
    }

    private static func deployment(_ cluster: Cluster) -> String {
        let image = cluster.image.withLock { $0 }
        let updated = cluster.isReady || image == "registry/shop:old" ? 2 : 1
        return
            #"{"kind":"Deployment","apiVersion":"apps/v1","metadata":{"name":"shop","namespace":"prod","uid":"u1","generation":2,"resourceVersion":"5","annotations":{"deployment.kubernetes.io/revision":"2"}},"spec":{"replicas":2,"selector":{"matchLabels":{"app":"shop"}},"template":\#(template(image))},"status":{"observedGeneration":2,"replicas":2,"updatedReplicas":\#(updated),"readyReplicas":2,"availableReplicas":2}}"#
    }

    private static func replicaSet(_ revision: Int, _ image: String) -> String {
        #"{"kind":"ReplicaSet","apiVersion":"apps/v1","metadata":{"name":"shop-\#(revision)","namespace":"prod","uid":"rs\#(revision)","labels":{"app":"shop"},"annotations":{"deployment.kubernetes.io/revision":"\#(revision)"},"ownerReferences":[{"apiVersion":"apps/v1","kind":"Deployment","name":"shop","uid":"u1","controller":true}]},"spec":{"replicas":2,"selector":{"matchLabels":{"app":"shop"}},"template":\#(template(image))},"status":{"replicas":2}}"#
    }

    private static func json(_ text: String) -> TestHTTPServer.Response {
        TestHTTPServer.Response(200, headers: [("Content-Type", "application/json")], body: text)
    }
}
