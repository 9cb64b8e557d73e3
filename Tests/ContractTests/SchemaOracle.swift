import Envelopes
import FoundationEssentials
import Kafka
import LocalBroker
import MeshTesting
import Testing

/// PyPI's `jsonschema`, the reference implementation.
enum SchemaOracle {
    /// For each `{"schema": …, "payloads": […]}` a list that says of each payload whether it fits.
    static func judge(_ cases: JSONValue) async throws -> JSONValue { try await Python.run("validate.py", cases) }
}

/// The scripts of Tests/Support, which ask the libraries that others use.
enum Python {
    /// Runs a script with `cases` as its input file; gives what it wrote.
    static func run(_ script: String, _ cases: JSONValue) async throws -> JSONValue {
        let environment = ProcessInfo.processInfo.environment
        let python = environment["MESH_TEST_PYTHON"] ?? "\(Shipped.root)/.venv/bin/python3"
        try #require(
            FileManager.default.isExecutableFile(atPath: python),
            "\(python) is no Python; run deploy/bootstrap.sh --test, or name one that has deploy/requirements-test.txt in MESH_TEST_PYTHON")
        let directory = try TemporaryDirectory.make(prefix: "mesh-python")
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let (input, output, log) = ("\(directory)/cases.json", "\(directory)/verdicts.json", "\(directory)/log")
        try Data(cases.bytes).write(to: URL(fileURLWithPath: input))
        let status = try await DedicatedThread.run(name: "python") {
            try ChildProcess.spawn(
                ChildProcess.Launch(
                    program: python, arguments: ["\(Shipped.root)/Tests/Support/\(script)", input, output], environment: [:],
                    output: .file(log))
            ).wait(timeout: .seconds(600))
        }
        let said = String(decoding: (try? Data(contentsOf: URL(fileURLWithPath: log))) ?? Data(), as: UTF8.self)
        try #require(status == .exited(0), "\(script): \(said.suffix(500))")
        return try JSONValue.parse(Array(try Data(contentsOf: URL(fileURLWithPath: output))))
    }
}
