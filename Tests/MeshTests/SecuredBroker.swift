import Foundation
import Kafka
import LocalBroker
import LoopbackPorts
import MeshTesting

@testable import mesh

/// A broker with logins: the operator, who may do everything, and one who may do what they are given.
struct SecuredBroker {
    static let user = "Looker"
    let operatorSettings: ClientSettings
    let userSettings: ClientSettings

    /// Makes `topics`, each with one partition and a record, and gives the user these operations on all of them. Ended at exit. Blocks.
    init(topics: [String], mayDo operations: [String: [AccessRule.Operation]]) throws {
        let directory = try TemporaryDirectory.make(prefix: "mesh-secured")
        let port = try FreePort.choose()
        let logins = try MeshLogins(names: [Self.user], dataDirectory: directory, brokers: "127.0.0.1:\(port)")
        operatorSettings = try logins.operatorSettings()
        userSettings = try ClientSettings.fromEnvironment(["KAFKA_PROPERTIES_FILE": logins.propertiesFile(Self.user)])
        let broker = try LocalBroker(
            program: BuiltProgram.path("meshbroker"), dataDirectory: directory, port: port, arguments: logins.brokerArguments,
            login: operatorSettings)
        AtExit.run {
            broker.kill()
            try? FileManager.default.removeItem(atPath: directory)
        }
        try broker.start()
        let admin = try AdminClient(operatorSettings)
        defer { admin.close() }
        try admin.createTopics(topics.map { NewTopic(name: $0, partitions: 1) }).check()
        try admin.createAccessRules(
            operations.sorted { $0.key < $1.key }.flatMap { topic, operations in
                operations.map {
                    AccessRule(resource: .topic, name: topic, pattern: .literal, principal: "User:\(Self.user)", operation: $0)
                }
            })
        let producer = try Producer(operatorSettings)
        defer { producer.close() }
        _ = try producer.sendAndWait(topics.map { OutgoingRecord(topic: $0, value: Array("{}".utf8)) })
    }
}
