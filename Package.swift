// swift-tools-version: 6.0
import PackageDescription

/// Every Swift target is built with the same settings; CI adds `-warnings-as-errors` from the command line.
let settings: [SwiftSetting] = [.swiftLanguageMode(.v6)]

/// For what each record passes. Release builds do not look at run time whether a property is changed while it is read: that costs one instruction in
/// twenty there, and debug builds, which all tests use, look.
let hotSettings = settings + [.unsafeFlags(["-enforce-exclusivity=unchecked"], .when(configuration: .release))]

func library(_ name: String, _ dependencies: [Target.Dependency], _ settings: [SwiftSetting] = settings) -> Target {
    .target(name: name, dependencies: dependencies, swiftSettings: settings)
}

func program(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .executableTarget(name: name, dependencies: dependencies, swiftSettings: settings)
}

func tests(_ name: String, _ dependencies: [Target.Dependency], fixtures: [String] = []) -> Target {
    .testTarget(name: name, dependencies: dependencies + ["LoopbackPorts", "MeshTesting"], exclude: fixtures, swiftSettings: settings)
}

func debian(_ name: String, package: String, pkgConfig: String) -> Target {
    .systemLibrary(name: name, pkgConfig: pkgConfig, providers: [.apt([package])])
}

let package = Package(
    name: "botmesh",
    products: [
        .executable(name: "meshbot", targets: ["meshbot"]),
        .executable(name: "mesh", targets: ["mesh"]),
        .executable(name: "meshbroker", targets: ["meshbroker"]),
        .executable(name: "meshload", targets: ["meshload"]),
    ],
    targets: [
        // C libraries: a module map and a shim each, nothing else.
        debian("CRdKafka", package: "librdkafka-dev", pkgConfig: "rdkafka"),
        debian("CYAML", package: "libyaml-dev", pkgConfig: "yaml-0.1"),
        debian("CMicroHTTPD", package: "libmicrohttpd-dev", pkgConfig: "libmicrohttpd"),
        debian("CCurl", package: "libcurl4-openssl-dev", pkgConfig: "libcurl"),
        debian("CCrypto", package: "libssl-dev", pkgConfig: "libcrypto"),
        debian("CSQLite", package: "libsqlite3-dev", pkgConfig: "sqlite3"),
        debian("CExpat", package: "libexpat1-dev", pkgConfig: "expat"),
        .systemLibrary(name: "CCompression", providers: [.apt(["zlib1g-dev", "libsnappy-dev", "liblz4-dev", "libzstd-dev"])]),
        .target(name: "CSystem"),
        // Nothing imports it: a program that depends on it allocates by it.
        .target(name: "CAllocator", linkerSettings: [.linkedLibrary("jemalloc")]),
        .target(name: "CNap"),
        .target(name: "CSimdJSON", linkerSettings: [.linkedLibrary("simdjson")]),

        // Imports go down this list only.
        library("Kafka", ["CCrypto", "CRdKafka", "CNap"], hotSettings),
        library("Envelopes", ["CSimdJSON", "CCrypto"], hotSettings),
        library("YAMLText", ["Envelopes", "CYAML"]),
        library("BotKit", ["Envelopes"]),
        library("Bots", ["BotKit", "Envelopes"]),
        library("LoopbackPorts", []),
        library("Calls", ["BotKit", "Envelopes", "CCurl", "CCrypto", "CExpat", "CSystem", "LoopbackPorts", "YAMLText"]),
        library("Telemetry", ["CMicroHTTPD", "Envelopes"]),
        library("Terminal", ["BotKit", "Envelopes"]),
        library("MeshRuntime", ["BotKit", "CSQLite", "CSystem", "Envelopes", "Kafka", "Telemetry"], hotSettings),
        library("Topology", ["BotKit", "Envelopes", "Kafka", "YAMLText"]),
        library("KafkaProtocol", ["CCompression", "CSystem"]),
        library("LocalBroker", ["Kafka", "KafkaProtocol", "LoopbackPorts"]),
        library("MeshTesting", ["Kafka", "Envelopes", "BotKit", "LocalBroker", "Telemetry"]),

        // The embedded broker; it knows nothing of bots.
        library("BrokerStorage", ["KafkaProtocol", "CSystem"]),
        library("Broker", ["BrokerStorage", "KafkaProtocol", "CCrypto", "CSystem"]),

        // Programs: parse, wire, run.
        program(
            "meshbot", ["BotKit", "Bots", "CAllocator", "Calls", "Envelopes", "Kafka", "MeshRuntime", "Telemetry", "Terminal", "Topology"]),
        program("meshbroker", ["Broker", "Envelopes", "KafkaProtocol", "Telemetry", "Terminal"]),
        program(
            "mesh",
            [
                "BotKit", "Bots", "Calls", "CSystem", "Envelopes", "Kafka", "KafkaProtocol", "LocalBroker", "LoopbackPorts", "MeshRuntime",
                "Telemetry", "Terminal", "Topology",
            ]),
        program(
            "meshload",
            [
                "BotKit", "CAllocator", "Envelopes", "Kafka", "KafkaProtocol", "LocalBroker", "LoopbackPorts", "MeshRuntime", "Telemetry",
                "Terminal", "Topology",
            ]),

        tests("KafkaProtocolTests", ["KafkaProtocol", "CSystem"]),
        tests("BrokerStorageTests", ["BrokerStorage", "KafkaProtocol"]),
        tests("BrokerTests", ["Broker", "BrokerStorage", "KafkaProtocol"]),
        tests("KafkaTests", ["CNap", "Kafka", "LocalBroker", "KafkaLeakScenario"]),
        .executableTarget(
            name: "KafkaLeakScenario", dependencies: ["Kafka"], path: "Tests/KafkaLeakScenario", swiftSettings: settings),
        .executableTarget(
            name: "BrokerFuzz", dependencies: ["KafkaProtocol", "LocalBroker", "LoopbackPorts", "MeshTesting"], path: "Tests/BrokerFuzz",
            exclude: ["README.md"],
            swiftSettings: settings),
        // valijson, the oracle of the schema tests.
        .target(name: "CValijson", path: "Tests/CValijson"),
        tests("EnvelopesTests", ["Envelopes", "CValijson"]),
        tests("BotKitTests", ["BotKit", "Envelopes"]),
        tests("BotsTests", ["Bots", "BotKit", "Envelopes"]),
        tests("CallsTests", ["Calls", "BotKit", "Envelopes"]),
        tests("TelemetryTests", ["Telemetry", "Envelopes"]),
        tests("TerminalTests", ["Terminal", "Envelopes"]),
        tests(
            "MeshTests",
            ["mesh", "BotKit", "Calls", "Envelopes", "Kafka", "KafkaProtocol", "LocalBroker", "MeshRuntime", "Terminal", "Topology"]),
        tests("RuntimeTests", ["MeshRuntime", "BotKit", "Envelopes", "Kafka", "Telemetry"]),
        tests("LoadTests", ["meshload", "Envelopes", "Kafka", "KafkaProtocol", "MeshRuntime"]),
        tests("TopologyTests", ["Topology", "BotKit", "Envelopes", "Kafka", "YAMLText"], fixtures: ["Fixtures"]),
        tests("ContractTests", ["Bots", "BotKit", "Calls", "Envelopes", "Kafka", "LocalBroker", "Topology"]),
        tests("IntegrationTests", ["Kafka", "Envelopes", "BotKit", "Bots", "LocalBroker", "Topology", "YAMLText"]),
    ],
    cxxLanguageStandard: .cxx17
)
