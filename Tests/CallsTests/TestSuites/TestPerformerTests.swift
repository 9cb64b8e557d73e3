import BotKit
import Envelopes
import Glibc
import Testing

@testable import Calls

/// `test.run` on real artifacts in the real sandbox.
@Suite("test.run") struct TestPerformerTests {
    let scratch: ScratchDirectory
    let performer: TestPerformer
    let store: DirectoryArtifactStore

    init() async throws {
        scratch = try ScratchDirectory("botmesh-test")
        store = DirectoryArtifactStore(directory: scratch.path + "/data/artifacts")
        performer = TestPerformer(
            sandbox: await Sandbox.detect(environment: ["PATH": "/usr/bin:/bin"]),
            workspaces: Workspaces(root: scratch.path + "/data/workspaces"),
            store: store, logDirectory: scratch.path + "/data/logs", reportDirectory: scratch.path + "/data/reports")
    }

    private func artifact(_ files: [String: String]) async throws -> ArtifactReference {
        let name = "tree-\(UInt32.random(in: 0 ... .max))"
        try scratch.directory(name)
        for (file, text) in files { try scratch.write("\(name)/\(file)", text) }
        try await Archive.pack("\(scratch.path)/\(name)", time: 0, format: .zstd, to: scratch.path + "/packed")
        return try await store.put(scratch.path + "/packed", format: .zstd)
    }

    private func test(_ files: [String: String], _ pipeline: Pipeline? = nil, id: String = "test-1") async throws -> TestReport {
        try await test(artifact(files), pipeline, id: id)
    }

    private func test(_ artifact: ArtifactReference, _ pipeline: Pipeline? = nil, id: String = "test-1") async throws -> TestReport {
        let request = TestRun(
            testID: id, buildID: "b", repository: "file:///r", commit: "c", artifact: artifact,
            pipeline: pipeline ?? Pipeline(steps: [PipelineStep(name: "suites", work: .repository)]), timeLimit: .seconds(600))
        return try await performer.perform(request, CallContext(idempotencyKey: id, runID: id, correlationID: "c"))
    }

    private static let report = """
        #!/bin/sh
        # Writes a JUnit report: one test that passes, one whose outcome is $1.
        mkdir -p reports
        inner=''; [ "$1" = fail ] && inner='<failure message="expected 1"/>'
        echo "<testsuite><testcase classname='c' name='good' time='0.5'/><testcase classname='c' name='other'>$inner</testcase><testcase name='later'><skipped/></testcase></testsuite>" > reports/junit.xml
        printf 'SF:a\\nDA:1,1\\nDA:2,1\\nDA:3,1\\nDA:4,0\\nend_of_record\\n' > reports/lcov
        [ "$1" = pass ]
        """

    private func suite(_ argument: String, _ more: String = "") -> String {
        "test:\n  - name: unit\n    command: sh run.sh \(argument)\n    junit: reports/junit.xml\n    coverage: reports/lcov\n\(more)"
    }

    @Test("Counts, coverage and a report in one file")
    func passes() async throws {
        let report = try await test(["run.sh": Self.report, ".botmesh.yaml": suite("pass", "    coverage_threshold: 75\n")])
        #expect(report.reason == nil, "\(report)")
        #expect(report.suites.map { [$0.total, $0.passed, $0.failed, $0.skipped] } == [[3, 2, 0, 1]])
        #expect(report.coveragePercent == 75 && report.flaky.isEmpty && report.failures.isEmpty)
        let path = try #require(report.reportURL.flatMap(FileURL.path))
        let written = try #require(
            try WorkFiles.readBeneath(scratch.path + "/data/reports", String(path.split(separator: "/").last!), limit: 1 << 20))
        #expect(try JUnitReport(parsing: written).cases.count == 3)
        #expect(WorkFiles.names(in: scratch.path + "/data/workspaces").isEmpty)
    }

    @Test("A test that fails twice is broken, one that fails once is flaky")
    func flaky() async throws {
        let broken = try await test(["run.sh": Self.report, ".botmesh.yaml": suite("fail")])
        #expect(broken.failures == [CaseFailure(suite: "unit", name: "c.other", message: "expected 1")])
        #expect(broken.reason == "1 of 3 tests failed: unit/c.other")
        let once = "if [ -e seen ]; then set -- pass; else touch seen; set -- fail; fi\n" + Self.report
        let flaky = try await test(["run.sh": once, ".botmesh.yaml": suite("x")], id: "test-2")
        #expect(flaky.reason == nil && flaky.flaky == ["unit/c.other"] && flaky.suites[0].failed == 0 && flaky.suites[0].passed == 2)
        let strict = try await test(["run.sh": once, ".botmesh.yaml": suite("x", "    rerun_failed: false\n")], id: "test-3")
        #expect(strict.suites[0].failed == 1)
        let named = try await test(
            [
                "run.sh": Self.report,
                ".botmesh.yaml": suite("fail", "    rerun_command: test \"$1\" = c.other && test $# = 1 && sh run.sh pass\n"),
            ], id: "test-4")
        #expect(named.reason == nil && named.flaky == ["unit/c.other"])
    }

    @Test("Coverage below its threshold, a missing report, and a lying exit status fail the run")
    func complaints() async throws {
        let low = try await test(["run.sh": Self.report, ".botmesh.yaml": suite("pass", "    coverage_threshold: 75.5\n")])
        #expect(low.reason == "unit: coverage of 75% is below 75.5%")
        let missing = try await test(
            [".botmesh.yaml": "test:\n  - command: 'true'\n    junit: none.xml\n    coverage: none\n    coverage_threshold: 1\n"],
            id: "test-2")
        #expect(missing.reason == "unit: the JUnit report none.xml: was not written; unit: the coverage report none: was not written")
        // A report that came with the artifact is not believed.
        let stale = try await test(
            [
                "reports/junit.xml": "<testsuite><testcase name='old'/></testsuite>",
                ".botmesh.yaml": "test:\n  - command: 'true'\n    junit: reports/junit.xml\n",
            ],
            id: "test-3")
        #expect(stale.reason?.contains("was not written") == true)
        let lying = try await test(["run.sh": Self.report + "\nexit 9\n", ".botmesh.yaml": suite("pass")], id: "test-4")
        #expect(lying.failures == [CaseFailure(suite: "unit", name: "unit", message: "exit status 9")])
        let stolen = try await test([".botmesh.yaml": "test:\n  - command: ln -s /etc/passwd j.xml\n    junit: j.xml\n"], id: "test-5")
        #expect(stolen.reason?.contains("root:") == false && stolen.reason?.contains("j.xml") == true)
        let bomb = try await test(
            ["j": "<!DOCTYPE a [<!ENTITY b 'c'>]><testsuite/>", ".botmesh.yaml": "test:\n  - command: cp j j.xml\n    junit: j.xml\n"],
            id: "test-6")
        #expect(bomb.reason?.contains("DOCTYPE") == true)
    }

    @Test("A suite without a report is one test; without any suite nothing is tested; mistakes are said")
    func plain() async throws {
        let one = try await test([".botmesh.yaml": "test:\n  - command: 'true'\n  - command: echo no; exit 2\n    suite: e2e\n"])
        #expect(one.suites.map(\.name) == ["unit", "e2e-2"] && one.suites.map(\.failed) == [0, 1])
        #expect(one.outputTail == ["no"] && one.failures[0].message == "exit status 2")
        let none = try await test(["a": "b"], id: "test-2")
        #expect(none.suites.isEmpty && none.reason == nil && none.reportURL == nil)
        let mistake = try await test([".botmesh.yaml": "test: [{comand: x}]"], id: "test-3")
        #expect(mistake.reason?.contains("did you mean 'command'") == true)
        let makefile = try await test(["Makefile": "all:\n\ntest:\n\ttrue\n"], id: "test-4")
        #expect(makefile.suites.map(\.total) == [1])
        #expect(Detection.test(names: ["Package.swift"]) { _ in nil }.count == 1)
        #expect(Detection.test(names: ["package.json"]) { _ in "{\"scripts\":{\"test\":\"x\"}}" }.count == 1)
        #expect(Detection.test(names: ["package.json"]) { _ in "{}" }.isEmpty)
        #expect(Detection.test(names: ["Makefile"]) { _ in "all:\n" }.isEmpty)
    }

    @Test("A configuration's suites, in its order; one kind of the repository's own")
    func configured() async throws {
        let files = [
            ".botmesh.yaml": "test:\n  - command: 'true'\n  - name: far\n    suite: e2e\n    command: 'true'\n", "run.sh": Self.report,
        ]
        let pipeline = Pipeline(steps: [
            PipelineStep(name: "get", work: .fetch, onSuccess: "ours"),
            PipelineStep(
                name: "ours", work: .suite(TestSuite(command: StepCommand(.template("sh run.sh pass")), junit: "reports/junit.xml")),
                onSuccess: "theirs"),
            PipelineStep(name: "theirs", work: .repositorySuites(.e2e), onSuccess: "smoke"),
            PipelineStep(name: "smoke", work: .run(StepCommand(.template("test ${ours.total} = 3"))), onSuccess: "tell", onFailure: "tell"),
            PipelineStep(name: "tell", work: .message),
        ])
        let report = try await test(files, pipeline)
        #expect(report.reason == nil, "\(report)")
        #expect(report.suites.map(\.name) == ["ours", "far", "smoke"] && report.messages == ["tell"])
    }

    @Test("An artifact that is not the announced one is not tested")
    func digest() async throws {
        var reference = try await artifact([".botmesh.yaml": "test: [{command: 'true'}]"])
        reference.sha256 = String(repeating: "0", count: 64)
        await expectFailure("digest-mismatch") { _ = try await test(reference) }
        #expect(WorkFiles.names(in: scratch.path + "/data/workspaces").isEmpty)
    }
}
