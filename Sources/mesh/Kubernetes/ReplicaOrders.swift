/// What KEDA is told of each bot, so that a cluster does what stands on `mesh.control`. Pure.
struct ReplicaOrders {
    /// The annotation by which KEDA keeps a number of replicas, and decides nothing itself.
    static let annotation = "autoscaling.keda.sh/paused-replicas"

    /// By bot; nil gives the number back to KEDA.
    let replicas: [String: Int?]

    /// A bot that is drained as a whole has none: its pods would be started again and again. Of single instances Kubernetes cannot drain any but the last.
    init(_ wishes: Wishes) {
        var replicas: [String: Int?] = [:]
        for record in wishes.records.values where record.replica == nil {
            let count = record.replicas.map { max(0, min($0, Wishes.maximumReplicas)) }
            replicas.updateValue(record.state == .drained ? 0 : count, forKey: record.bot)
        }
        self.replicas = replicas
    }

    /// What differs from what was told before, sorted by bot; everything where nothing was told yet.
    func changes(since before: ReplicaOrders?) -> [(bot: String, replicas: Int?)] {
        replicas.filter { bot, count in
            guard let before, let known = before.replicas[bot] else { return true }
            return known != count
        }.sorted { $0.key < $1.key }.map { (bot: $0.key, replicas: $0.value) }
    }

    /// The arguments of `kubectl` that tell it.
    static func arguments(bot: String, replicas: Int?, namespace: String) -> [String] {
        let value = replicas.map { "\(annotation)=\($0)" } ?? "\(annotation)-"
        return ["--namespace", namespace, "annotate", "scaledobject", bot.lowercased(), value, "--overwrite"]
    }
}
