import BotKit
import Envelopes
import FoundationEssentials
import Glibc
import Synchronization
import Testing

@testable import Calls

/// `build.run` on real repositories, real git, and the real sandbox.
@Suite("build.run") struct BuildPerformerTests {
    let scratch: ScratchDirectory
    let sandbox: Sandbox
    let performer: BuildPerformer

    init() async throws {
        scratch = try ScratchDirectory("botmesh-build")
        sandbox = await Sandbox.detect(environment: ["PATH": "/usr/bin:/bin"])
        performer = BuildPerformer(
            sandbox: sandbox, workspaces: Workspaces(root: scratch.path + "/data/workspaces"),
            store: DirectoryArtifactStore(directory: scratch.path + "/data/artifacts"), logDirectory: scratch.path + "/data/logs")
    }

    private func build(
        _ repository: TestRepository, _ commit: String, id: String = "run-1", pipeline: Pipeline? = nil, limits: WorkLimits = WorkLimits(),
        timeLimit: Duration = .seconds(600), isRepeat: Bool = false, log: @escaping @Sendable (LogLine) -> Void = { _ in }
    ) async throws(CallFailure) -> BuildReport {
        let request = BuildRun(
            buildID: id, repository: repository.url, commit: commit, branch: "main", allowedRepositories: ["file:///"],
            pipeline: pipeline ?? Pipeline(steps: [PipelineStep(name: "pipeline", work: .repository)]),
            values: ["message": "it's; touch pwned", "branch": "main"], limits: limits, timeLimit: timeLimit)
        return try await performer.perform(
            request, CallContext(idempotencyKey: id, runID: id, correlationID: "c", isRepeat: isRepeat, log: log))
    }

    private func unpacked(_ report: BuildReport, _ name: String = "out") async throws -> String {
        let artifact = try #require(report.artifact)
        try await DirectoryArtifactStore(directory: scratch.path + "/data/artifacts").unpack(artifact, into: "\(scratch.path)/\(name)")
        return name
    }

    @Test("The repository's own steps run, and what they made is packed")
    func repositoryFile() async throws {
        let repository = try await TestRepository(scratch)
        let commit = try await repository.commit([
            "source": "hello",
            ".botmesh.yaml":
                "build:\n  - name: upper\n    command: tr a-z A-Z < source > result && echo made it\n  - name: check\n    command: grep -q HELLO result\n",
        ])
        let lines = Mutex<[LogLine]>([])
        let report = try await build(repository, commit) { line in lines.withLock { $0.append(line) } }
        #expect(report.failure == nil && report.commit == commit)
        #expect(report.steps.map(\.name) == ["git.checkout", "upper", "check", "artifact.pack"])
        #expect(report.steps.allSatisfy { $0.exitStatus == 0 })
        let out = try await unpacked(report)
        #expect(try scratch.read("\(out)/result") == "HELLO")
        #expect(!scratch.exists("out/.git"))
        #expect(lines.withLock { $0 }.contains(LogLine(step: "upper", stream: .stdout, text: "made it")))
        #expect(try scratch.read("data/logs/run-1.log").contains("upper stdout made it"))
        #expect(WorkFiles.names(in: scratch.path + "/data/workspaces").isEmpty)
    }

    @Test("The same call again, after whatever was left behind, gives the same artifact")
    func reproducible() async throws {
        let repository = try await TestRepository(scratch)
        let commit = try await repository.commit([
            "m.py": "print('x')\n",
            ".botmesh.yaml":
                "build:\n  - command: test ! -e made && python3 -m compileall -q . && echo $MESH_RUN_ID > made && chmod 700 made\n",
        ])
        let first = try await build(repository, commit)
        try scratch.write("data/workspaces/run-1/tree/left", "over")
        try scratch.write("data/workspaces/run-1/tree/made", "over")
        try scratch.write("data/workspaces/old/tree/x", "of a process that died")
        try scratch.write("data/workspaces/old.lock", "")
        let second = try await build(repository, commit, isRepeat: true)
        #expect(first.artifact != nil && first.artifact == second.artifact)
        #expect(WorkFiles.names(in: scratch.path + "/data/workspaces").isEmpty)
    }

    @Test("A failing step ends the build, with its exit status and last lines")
    func failure() async throws {
        let repository = try await TestRepository(scratch)
        let commit = try await repository.commit([
            ".botmesh.yaml":
                "build:\n  - name: good\n    command: 'true'\n  - name: bad\n    command: echo before; echo wrong >&2; exit 3\n  - name: never\n    command: touch never\n"
        ])
        let report = try await build(repository, commit)
        #expect(report.artifact == nil)
        let failure = try #require(report.failure)
        #expect(failure.step == "bad" && failure.exitStatus == 3 && Set(failure.outputTail) == ["before", "wrong"])
        #expect(report.steps.map(\.name) == ["git.checkout", "good", "bad"])
    }

    @Test("A mistake in the repository's file fails the build with its place")
    func mistake() async throws {
        let repository = try await TestRepository(scratch)
        let report = try await build(repository, repository.commit([".botmesh.yaml": "build:\n  - comand: make\n"]))
        #expect(report.failure?.step == ".botmesh.yaml" && report.failure?.reason.contains(".botmesh.yaml:2:5") == true)
        let linked = try await TestRepository(scratch, "linked")
        symlink("/etc/passwd", linked.path + "/.botmesh.yaml")
        let report2 = try await build(linked, linked.commit([:]), id: "run-2")
        #expect(report2.failure?.step == ".botmesh.yaml" && report2.failure?.reason.contains("root:") == false)
    }

    @Test("What is refused or missing fails the build at its checkout, with no reason to try again")
    func refused() async throws {
        let repository = try await TestRepository(scratch)
        let commit = try await repository.commit(["a": "b"])
        let missing = try await build(repository, String(repeating: "1", count: 40))
        #expect(missing.failure?.step == "git.checkout" && missing.failure?.reason.contains("commit-not-found") == true)
        var request = BuildRun(
            buildID: "r", repository: repository.url, commit: commit, allowedRepositories: ["https://"], pipeline: Pipeline(steps: []))
        request.allowedRepositories = ["https://example.org/"]
        let refused = try await performer.perform(request, CallContext(idempotencyKey: "r", runID: "r", correlationID: "c"))
        #expect(refused.failure?.reason.contains("not in the allow-list") == true)
        await expectFailure("bad-run-id") {
            _ = try await performer.perform(request, CallContext(idempotencyKey: "r", runID: "../x", correlationID: "c"))
        }
    }

    @Test("Without a pipeline the files suggest one; without any the tree is packed as it is")
    func detection() async throws {
        let make = try await TestRepository(scratch, "make")
        let made = try await build(make, make.commit(["Makefile": "all:\n\techo built > out\n"]))
        #expect(made.steps.map(\.name) == ["git.checkout", "make", "artifact.pack"])
        let plain = try await TestRepository(scratch, "plain")
        let packed = try await build(plain, plain.commit(["index.html": "<p>"]), id: "run-2")
        #expect(packed.steps.map(\.name) == ["git.checkout", "artifact.pack"] && packed.artifact != nil)
        #expect(Detection.build(names: ["Package.swift", "package.json"]).map(\.name) == ["swift build"])
        #expect(Detection.build(names: ["package.json", "package-lock.json"]).map(\.name) == ["npm install", "npm build"])
        #expect(Detection.build(names: ["Cargo.toml"]).map(\.name) == ["cargo build"])
        #expect(Detection.build(names: ["go.mod"]).map(\.name) == ["go build"])
        #expect(Detection.build(names: ["setup.py"]).map(\.name) == ["python compile"])
    }

    @Test("A configuration's graph: values never become code, failure may lead on, and what leads to artifact.pack has recovered")
    func graph() async throws {
        let repository = try await TestRepository(scratch)
        let commit = try await repository.commit(["a": "b"])
        func step(_ name: String, _ line: String, success: String? = nil, failure: String? = nil) -> PipelineStep {
            PipelineStep(name: name, work: .run(StepCommand(.template(line))), onSuccess: success, onFailure: failure)
        }
        let recovered = Pipeline(steps: [
            step("say", "sh -c 'echo \"$1\" > said; echo ${branch} from the shell' _ \"${message}\"", success: "fails"),
            step("fails", "false", success: "never", failure: "mend"), step("never", "touch never"),
            step("mend", "touch mended-${say.exit_status}", success: "pack"),
            PipelineStep(name: "pack", work: .pack(PackSettings(format: "tar.gz")), onSuccess: "tell"),
            PipelineStep(name: "tell", work: .message),
        ])
        let report = try await build(repository, commit, pipeline: recovered)
        #expect(report.failure == nil, "\(String(describing: report.failure))")
        let out = try await unpacked(report)
        #expect(try scratch.read("\(out)/said") == "it's; touch pwned\n")
        #expect(scratch.exists("\(out)/mended-0") && !scratch.exists("\(out)/pwned") && !scratch.exists("\(out)/never"))
        #expect(report.artifact?.format == "tar.gz" && report.messages == ["tell"])
        let cleaned = Pipeline(steps: [step("fails", "false", failure: "clean"), step("clean", "true")])
        #expect(try await build(repository, commit, id: "run-2", pipeline: cleaned).failure?.step == "fails")
        let endless = Pipeline(steps: [step("again", "true", success: "again")])
        await expectFailure("endless-pipeline") { _ = try await build(repository, commit, id: "run-3", pipeline: endless) }
    }

    @Test("A pipeline that hangs, forks, floods, or eats memory is stopped; the next build is well")
    func hostile() async throws {
        let repository = try await TestRepository(scratch)
        /// - Parameter seconds: what the step has, and only one that is to end by it has little: its start and its end take their time on a busy machine.
        func hostile(_ command: String, _ id: String, seconds: Int = 300, limits: WorkLimits = WorkLimits()) async throws -> BuildReport {
            let commit = try await repository.commit([
                ".botmesh.yaml": "build:\n  - name: hostile\n    timeout: \(seconds)\n    command: |\n      \(command)\n"
            ])
            return try await build(repository, commit, id: id, limits: limits)
        }
        let hang = try await hostile("trap '' TERM; while :; do sleep 1; done", "hang", seconds: 2)
        #expect(hang.failure?.reason.contains("time limit") == true && hang.failure?.exitStatus == nil)
        let bomb = try await hostile("bomb() { bomb | bomb & }; bomb; sleep 600", "bomb", seconds: 2, limits: WorkLimits(processes: 50))
        #expect(bomb.failure?.step == "hostile")
        let flood = try await hostile("yes $(printf '%2000s' x | tr ' ' x)", "flood", limits: WorkLimits(outputBytes: 1 << 20))
        #expect(flood.failure?.reason.contains("printed more") == true)
        let memory = try await hostile("x=$(head -c 400000000 /dev/zero | tr '\\0' x)", "memory", limits: WorkLimits(memoryBytes: 64 << 20))
        #expect(memory.failure != nil)
        #expect(try await hostile("echo well", "well").failure == nil)
    }

    @Test("A pipeline sees neither the bot's environment nor its data, and writes nowhere else")
    func secrets() async throws {
        setenv("BOTMESH_TEST_SECRET", "hunter2", 1)
        try scratch.write("data/token", "hunter3")
        let repository = try await TestRepository(scratch)
        let commit = try await repository.commit([
            ".botmesh.yaml":
                "build:\n  - command: env > seen; cat /proc/*/environ >> seen 2>/dev/null; cat \(scratch.path)/data/token >> seen; touch \(scratch.path)/pwned /usr/pwned; rm -rf \(scratch.path)/data; echo done\n"
        ])
        let report = try await build(repository, commit)
        guard sandbox.capability.level != .reduced else { return }
        let seen = try scratch.read(await unpacked(report) + "/seen")
        #expect(!seen.contains("hunter"))
        #expect(scratch.exists("data/token") && !scratch.exists("pwned") && !FileManager.default.fileExists(atPath: "/usr/pwned"))
    }

    @Test("An artifact with a link out of it fails the build, and so does a report of it as files of the machine")
    func links() async throws {
        let repository = try await TestRepository(scratch)
        let commit = try await repository.commit([".botmesh.yaml": "build:\n  - command: ln -s /etc/passwd stolen\n"])
        let report = try await build(repository, commit)
        #expect(report.failure?.step == "artifact.pack" && report.failure?.reason.contains("artifact-unsafe") == true)
    }

    @Test("Cancelled in the middle, it ends within two seconds and leaves nothing")
    func cancellation() async throws {
        let repository = try await TestRepository(scratch)
        let token = UUID().uuidString
        let commit = try await repository.commit([
            ".botmesh.yaml": "build:\n  - command: trap '' TERM; echo ready; while :; do sleep 1; done # \(token)\n"
        ])
        let ready = AsyncStream<Void>.makeStream()
        let task = Task {
            try await build(repository, commit) { line in if line.text == "ready" { ready.continuation.yield() } }
        }
        var waiting = ready.stream.makeAsyncIterator()
        await waiting.next()
        let begin = ContinuousClock.now
        task.cancel()
        await expectFailure("cancelled") { _ = try await task.value }
        #expect(ContinuousClock.now - begin < .seconds(300))
        #expect(try await ProcessTree.areGone(token))
        #expect(WorkFiles.names(in: scratch.path + "/data/workspaces").isEmpty)
    }

    @Test("Two processes cannot work on one run at once")
    func busy() async throws {
        let workspaces = Workspaces(root: scratch.path + "/data/workspaces")
        let held = try await workspaces.open("run-9")
        await expectFailure("workspace-busy") { _ = try await workspaces.open("run-9") }
        try await workspaces.close(held)
        try await workspaces.close(try await workspaces.open("run-9"))
    }
}
