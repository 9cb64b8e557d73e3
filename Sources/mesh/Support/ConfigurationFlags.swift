import Terminal

/// The flags of commands that look at the mesh as it is configured.
enum ConfigurationFlags {
    static let all = [
        Flag("env", value: "NAME", environment: "MESH_ENV", default: "development", help: "the overlay of deploy/bots that is used"),
        directory,
    ]
    static let directory = Flag(
        "config-dir", value: "DIR", environment: "MESH_CONFIG_DIR", help: "the bots' configuration; absent, deploy/bots")

    /// Of commands that print what a cluster gets.
    static let cluster = Flag("cluster", value: "NAME", default: "mesh", help: "Strimzi's name of the cluster")
    static func replicas(_ defaultValue: String) -> Flag {
        Flag("replicas", value: "N", default: defaultValue, help: "copies of each partition in the cluster")
    }
}

extension Invocation {
    /// The mesh as it is configured, to be looked at.
    func plan() throws -> MeshPlan { try MeshPlan(self, home: Home.find(environment), onlyLookedAt: true) }
}
