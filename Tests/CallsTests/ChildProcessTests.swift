import BotKit
import Glibc
import MeshTesting
import Synchronization
import Testing

@testable import Calls

@Suite("Child processes") struct ChildProcessTests {
    private func shell(_ line: String, limits: ChildLimits = ChildLimits(), input: [UInt8] = []) -> ChildCommand {
        ChildCommand("/bin/sh", ["-c", line], input: input, limits: limits)
    }

    @Test("Lines of both streams, exit status and tail come back")
    func outputAndStatus() async throws {
        let lines = Mutex<[String]>([])
        let result = try await ChildProcess.run(shell("echo one; echo two >&2; printf three; exit 7")) { stream, text in
            lines.withLock { $0.append("\(stream.rawValue):\(text)") }
        }
        #expect(result.status == .exited(7) && result.ending == .finished && result.exitCode == 7)
        #expect(Set(lines.withLock { $0 }) == ["stdout:one", "stderr:two", "stdout:three"])
        #expect(Set(result.tail) == ["one", "two", "three"])
        #expect(!result.isSuccess)
    }

    @Test("The child sees the command's environment and nothing else, no descriptor, no blocked or ignored signal")
    func cleanStart() async throws {
        setenv("BOTMESH_TEST_SECRET", "hunter2", 1)
        let open = Glibc.open("/dev/null", O_RDONLY)
        defer { close(open) }
        var command = shell("env; ls /proc/self/fd; grep -E 'Sig(Blk|Ign)' /proc/self/status")
        command.environment["MARK"] = "a b=c"
        let text = try await ChildProcess.run(command).tail.joined(separator: "\n")
        #expect(text.contains("MARK=a b=c"))
        #expect(!text.contains("hunter2"))
        #expect(!text.split(separator: "\n").contains("\(open)"))
        #expect(text.contains("SigBlk:\t0000000000000000"))
        #expect(text.contains("SigIgn:\t0000000180000000") || text.contains("SigIgn:\t0000000000000000"))
    }

    @Test("Input reaches the child, also more than a pipe holds")
    func input() async throws {
        let input = [UInt8](repeating: UInt8(ascii: "x"), count: 300_000)
        let result = try await ChildProcess.run(shell("wc -c", input: input))
        #expect(result.tail == ["300000"])
        let closed = try await ChildProcess.run(shell("exec <&-; exit 3", input: input))
        #expect(closed.exitCode == 3)
    }

    @Test("A time limit ends the whole group")
    func timeLimit() async throws {
        let begin = ContinuousClock.now
        let limits = ChildLimits(time: .milliseconds(200), grace: .milliseconds(100))
        let result = try await ChildProcess.run(shell("trap '' TERM; sleep 600 & echo $!; sleep 600", limits: limits))
        #expect(result.ending == .timedOut)
        #expect(ContinuousClock.now - begin < .seconds(300))
        let grandchild = try #require(pid_t(result.tail[0]))
        #expect(try await isGone(grandchild))
    }

    @Test("Cancellation of the task ends the group within two seconds")
    func cancellation() async throws {
        let started = AsyncStream<String>.makeStream()
        let command = shell("trap '' TERM; sleep 600 & echo $!; while :; do sleep 1; done")
        let task = Task {
            try await ChildProcess.run(command) { _, text in started.continuation.yield(text) }
        }
        var lines = started.stream.makeAsyncIterator()
        let grandchild = try #require(await lines.next().flatMap { pid_t($0) })
        let begin = ContinuousClock.now
        task.cancel()
        let result = try await task.value
        #expect(result.ending == .cancelled)
        #expect(ContinuousClock.now - begin < .seconds(300))
        #expect(try await isGone(grandchild))
    }

    @Test("A task that was cancelled before still ends its child")
    func cancelledBefore() async throws {
        let task = Task { () -> ChildResult in
            while !Task.isCancelled { await Task.yield() }
            return try await ChildProcess.run(shell("sleep 600"))
        }
        task.cancel()
        #expect(try await task.value.ending == .cancelled)
    }

    @Test("A descendant that outlives its parent is killed and does not hold the call up")
    func daemon() async throws {
        let begin = ContinuousClock.now
        let result = try await ChildProcess.run(shell("sleep 600 & echo $!"))
        #expect(result.isSuccess)
        #expect(ContinuousClock.now - begin < .seconds(300))
        #expect(try await isGone(#require(pid_t(result.tail[0]))))
    }

    @Test("A flood of output is stopped, and long lines are cut")
    func flood() async throws {
        let result = try await ChildProcess.run(shell("yes", limits: ChildLimits(outputBytes: 100_000)))
        #expect(result.ending == .outputLimit)
        let long = try await ChildProcess.run(shell("head -c 100000 /dev/zero | tr '\\0' x; echo; echo end"))
        #expect(long.tail.map(\.utf8.count) == [LineSplitter.maximumBytes, 3])
    }

    @Test("Memory over the limit is stopped")
    func memory() async throws {
        let command = shell("x=$(head -c 200000000 /dev/zero | tr '\\0' x); sleep 600", limits: ChildLimits(memoryBytes: 50 << 20))
        #expect(try await ChildProcess.run(command).ending == .memoryLimit)
    }

    @Test("A program that does not exist is an error with its name")
    func missing() async {
        await #expect(throws: ChildError.self) { try await ChildProcess.run(ChildCommand("no-such-program")) }
        await #expect(throws: ChildError.self) { try await ChildProcess.run(ChildCommand("/no/such")) }
        await #expect(throws: ChildError.self) { try await ChildProcess.run(ChildCommand("/bin/true", directory: "/no/such")) }
    }

    @Test("Lines are the same however the bytes arrive")
    func lineSplitting() {
        var random = SeededGenerator(seed: 7)
        for _ in 0..<2000 {
            let bytes = (0..<Int.random(in: 0...60, using: &random)).map { _ in
                [10, 13, 65, 0xff, 0xc3].randomElement(using: &random)! as UInt8
            }
            var whole = LineSplitter()
            var expected: [String] = []
            bytes.withUnsafeBytes { whole.take($0) { expected.append($0) } }
            whole.end { expected.append($0) }
            var parts = LineSplitter()
            var lines: [String] = []
            var rest = bytes[...]
            while !rest.isEmpty {
                let count = Int.random(in: 1...rest.count, using: &random)
                Array(rest.prefix(count)).withUnsafeBytes { parts.take($0) { lines.append($0) } }
                rest = rest.dropFirst(count)
            }
            parts.end { lines.append($0) }
            #expect(lines == expected)
        }
    }
}

/// Waits until the process has gone (or is only a zombie of another parent).
func isGone(_ process: pid_t) async throws -> Bool {
    let deadline = ContinuousClock.now + .seconds(60)
    while ContinuousClock.now < deadline {
        if kill(process, 0) != 0 && errno == ESRCH { return true }
        if ProcessTree.isZombie(process) { return true }
        try await Task.sleep(for: .milliseconds(10))
    }
    return false
}
