import BotKit
import FoundationEssentials
import Glibc
import Synchronization

/// Runs a custom bot's commands, each in the sandbox with an empty workspace that is removed afterwards.
public struct ExecutePerformer: CallPerformer {
    private let workspaces: String
    private let sandbox: Sandbox

    /// - Parameter dataDirectory: absolute; workspaces are made in `workspaces` below it.
    public init(dataDirectory: String, sandbox: Sandbox) {
        workspaces = dataDirectory + "/workspaces"
        self.sandbox = sandbox
    }

    public func perform(_ request: Execute, _ context: CallContext) async throws(CallFailure) -> Execute.Response {
        let directory = "\(workspaces)/\(context.runID)/execute-\(Self.word(context.idempotencyKey))"
        try Self.prepare(directory)
        defer {
            // What cannot be removed now is cleared away when the workspace is made again.
            do { try Self.remove(directory) } catch { context.log(LogLine(step: request.step, stream: .mesh, text: error.message)) }
            // Only the run's last call finds its directory empty.
            rmdir("\(workspaces)/\(context.runID)")
        }
        let texts = Mutex(ExecuteTexts())
        var limits = SandboxLimits(time: request.commandTimeLimit)
        if let memory = request.memoryBytes { limits.memoryBytes = memory }
        let command = SandboxedCommand(
            request.arguments, workspace: directory + "/work", home: directory + "/home", environment: request.environment,
            hasNetwork: request.hasNetwork, limits: limits)
        let step = request.step
        let result: ChildResult
        do throws(ChildError) {
            result = try await sandbox.run(command) { stream, text in
                context.log(LogLine(step: step, stream: stream, text: text))
                texts.withLock { $0.add(stream, text) }
            }
        } catch {
            throw error.failure
        }
        if Task.isCancelled { throw CallFailure(.cancelled, code: "cancelled", message: "the command was cancelled") }
        return texts.withLock { texts in
            Execute.Response(
                exitStatus: result.exitCode, isSuccess: result.isSuccess, reason: result.reason, stdout: texts.stdout.text,
                stderr: texts.stderr.text, output: texts.both.text, durationSeconds: result.duration.secondsValue)
        }
    }

    /// Legal as a file's name.
    private static func word(_ text: String) -> String { String(text.prefix(80).map { $0.isLetter || $0.isNumber ? $0 : "-" }) }

    private static func prepare(_ directory: String) throws(CallFailure) {
        try remove(directory)
        do {
            for name in ["work", "home"] {
                try FileManager.default.createDirectory(atPath: "\(directory)/\(name)", withIntermediateDirectories: true)
            }
        } catch {
            throw CallFailure(.transient, code: "no-workspace", message: "the workspace \(directory) cannot be made: \(error)")
        }
    }

    private static func remove(_ directory: String) throws(CallFailure) {
        guard FileManager.default.fileExists(atPath: directory) else { return }
        do {
            try FileManager.default.removeItem(atPath: directory)
        } catch {
            throw CallFailure(.transient, code: "no-workspace", message: "the workspace \(directory) cannot be removed: \(error)")
        }
    }
}

/// The ends of what a command printed.
struct ExecuteTexts {
    struct Tail {
        private var lines: [String] = []
        private var bytes = 0

        var text: String { lines.joined(separator: "\n") }

        mutating func add(_ line: String) {
            lines.append(line)
            bytes += line.utf8.count + 1
            var dropped = 0
            while bytes > Execute.maximumText, dropped < lines.count - 1 {
                bytes -= lines[dropped].utf8.count + 1
                dropped += 1
            }
            if dropped > 0 { lines.removeFirst(dropped) }
        }
    }
    var stdout = Tail()
    var stderr = Tail()
    var both = Tail()

    mutating func add(_ stream: LogLine.Stream, _ line: String) {
        both.add(line)
        if stream == .stdout { stdout.add(line) } else { stderr.add(line) }
    }
}

extension Duration {
    fileprivate var secondsValue: Double {
        let (seconds, attoseconds) = components
        return Double(seconds) + Double(attoseconds) / 1e18
    }
}
