import BotKit
import FoundationEssentials
import Glibc
import Testing

@testable import Calls

/// Every promise of the sandbox, each by something that tries to break it.
@Suite("Sandbox") struct SandboxTests {
    let scratch: ScratchDirectory
    let sandbox: Sandbox

    init() async throws {
        scratch = try ScratchDirectory("botmesh-sandbox")
        try scratch.directory("work")
        try scratch.directory("home")
        sandbox = await Sandbox.detect(environment: ["PATH": "/usr/bin:/opt/swift/usr/bin:/root/bin"])
    }

    private func run(_ line: String, network: Bool = false, limits: SandboxLimits = SandboxLimits(time: .seconds(120))) async throws
        -> ChildResult
    {
        try await sandbox.run(
            SandboxedCommand(
                SandboxedCommand.shell(line), workspace: scratch.path + "/work", home: scratch.path + "/home", hasNetwork: network,
                limits: limits))
    }

    @Test("Its capability is a line to be said at start-up")
    func capability() {
        #expect(sandbox.capability.text.hasPrefix("sandbox: "))
    }

    @Test("It writes in its workspace and home, as an unprivileged user, without capabilities")
    func writes() async throws {
        let result = try await run(
            "id -u; echo hello > file && echo hi > $HOME/note && echo t > $TMPDIR/t && grep -E 'NoNewPrivs|CapEff' /proc/self/status")
        #expect(result.isSuccess, "\(result.tail)")
        #expect(result.tail.first != "0")
        #expect(try scratch.read("work/file") == "hello\n")
        #expect(try scratch.read("home/note") == "hi\n")
        if sandbox.capability.level != .reduced { #expect(result.tail.contains("NoNewPrivs:\t1")) }
        #expect(result.tail.contains("CapEff:\t0000000000000000"))
    }

    @Test("It cannot write outside, nor see the host's homes, data and secrets")
    func outside() async throws {
        guard sandbox.capability.level != .reduced else { return }
        try scratch.write("secret", "hunter2")
        let result = try await run(
            "touch /usr/x || echo usr; touch /x || echo root; touch /etc/x || echo etc; ls /root /home/other \(scratch.path) || echo hidden; cat /etc/shadow || echo shadow"
        )
        for word in ["usr", "root", "etc", "hidden", "shadow"] { #expect(result.tail.contains(word)) }
        #expect(!result.tail.joined().contains("hunter2"))
    }

    @Test("It sees neither the bot's environment nor its processes")
    func secrets() async throws {
        setenv("BOTMESH_TEST_SECRET", "hunter2", 1)
        let result = try await run("env; cat /proc/*/environ 2>/dev/null | tr '\\0' '\\n'; ls /proc | grep -c '^[0-9]'")
        #expect(!result.tail.joined(separator: "\n").contains("hunter2"))
        if sandbox.capability.level != .reduced { #expect(try #require(result.tail.last.flatMap { Int($0) }) < 12) }
    }

    @Test("It has no network unless it is allowed")
    func network() async throws {
        guard sandbox.capability.level == .full else { return }
        let without = try await run("cat /proc/net/dev | grep -c :")
        #expect(without.tail == ["1"])
    }

    @Test("A fork bomb meets its limit and is gone with the step")
    func forkBomb() async throws {
        guard sandbox.capability.level != .reduced || sandbox.capability.isRoot else { return }
        let begin = ContinuousClock.now
        let result = try await run(
            "bomb() { bomb | bomb & }; bomb; sleep 600", limits: SandboxLimits(time: .milliseconds(1500), processes: 40))
        #expect(result.ending == .timedOut || !result.isSuccess)
        #expect(ContinuousClock.now - begin < .seconds(300))
        let after = try await run("echo alive", limits: SandboxLimits(time: .seconds(120), processes: 40))
        #expect(after.tail == ["alive"])
    }

    @Test("What leaves its process group still ends with the step")
    func daemon() async throws {
        let token = UUID().uuidString
        let result = try await run("setsid sh -c 'echo up; sleep 600; echo \(token)' & sleep 0.2; echo done")
        #expect(result.isSuccess)
        #expect(try await ProcessTree.areGone(token))
    }

    @Test("Memory, output, file size and time have limits")
    func limits() async throws {
        let memory = try await run(
            "x=$(head -c 300000000 /dev/zero | tr '\\0' x)", limits: SandboxLimits(time: .seconds(120), memoryBytes: 64 << 20))
        #expect(!memory.isSuccess)
        let output = try await run("yes", limits: SandboxLimits(time: .seconds(120), outputBytes: 1 << 20))
        #expect(output.ending == .outputLimit)
        let file = try await run("head -c 3000000 /dev/zero > big", limits: SandboxLimits(time: .seconds(120), fileBytes: 1 << 20))
        #expect(!file.isSuccess)
        let time = try await run("sleep 600", limits: SandboxLimits(time: .milliseconds(200)))
        #expect(time.ending == .timedOut)
    }

    @Test("Cancellation ends everything in it")
    func cancellation() async throws {
        let token = UUID().uuidString
        let started = AsyncStream<Void>.makeStream()
        let command = SandboxedCommand(
            SandboxedCommand.shell("setsid sh -c 'echo ready; sleep 600; echo \(token)' & sleep 600"), workspace: scratch.path + "/work",
            home: scratch.path + "/home")
        let sandbox = sandbox
        let task = Task { try await sandbox.run(command) { _, _ in started.continuation.yield() } }
        var ready = started.stream.makeAsyncIterator()
        await ready.next()
        let begin = ContinuousClock.now
        task.cancel()
        #expect(try await task.value.ending == .cancelled)
        #expect(ContinuousClock.now - begin < .seconds(300))
        #expect(try await ProcessTree.areGone(token))
    }

    @Test("Without namespaces the lesser protection still limits, cleans the environment, and ends what left its group")
    func reduced() async throws {
        let token = UUID().uuidString
        let full = sandbox.capability
        let lesser = Sandbox(
            capability: SandboxCapability(
                level: .reduced, isRoot: full.isRoot, userBase: full.userBase, userCount: full.userCount, bubblewrap: nil,
                prlimit: full.prlimit,
                setpriv: full.setpriv, text: "sandbox: LESSER PROTECTION"))
        setenv("BOTMESH_TEST_SECRET", "hunter2", 1)
        let result = try await lesser.run(
            SandboxedCommand(
                SandboxedCommand.shell("env; pwd; echo x > file; setsid sh -c 'sleep 600; echo \(token)' & sleep 0.2"),
                workspace: scratch.path + "/work", home: scratch.path + "/home"))
        #expect(result.isSuccess, "\(result.tail)")
        #expect(!result.tail.joined().contains("hunter2"))
        #expect(scratch.exists("work/file"))
        #expect(try await ProcessTree.areGone(token))
    }
}
