import BotKit
import Envelopes

/// Runs the commands of one run in its workspace's sandbox.
struct StepRunner: Sendable {
    let sandbox: Sandbox
    let workspace: Workspace
    let limits: WorkLimits
    /// For `${name}` in commands.
    let values: JSONValue
    /// For `${env.NAME}` in commands of the configuration.
    let variables: [String: String]
    /// What every command finds in its environment.
    let environment: [String: String]
    let log: RunLog
    /// When the whole run must have ended.
    let deadline: ContinuousClock.Instant

    /// The outputs of earlier steps, by name: `${step.stdout}`.
    typealias Outputs = [String: JSONValue]

    /// - Parameter arguments: for a shell's line, its `"$@"`.
    func run(
        _ command: StepCommand, name: String, outputs: Outputs = [:], arguments: [String] = []
    ) async throws(CallFailure) -> ChildResult {
        var environment = environment.merging(command.environment) { $1 }
        let line: [String]
        switch command.line {
        case .shell(let text): line = SandboxedCommand.shell(text, arguments)
        case .template(let text):
            let resolved = try resolve(text, outputs)
            line = resolved.arguments
            environment.merge(resolved.environment) { $1 }
        }
        if command.needsNetwork && !limits.allowsNetwork {
            log.say(name, "the step asks for the network, which the bot's permissions do not have: it runs without")
        }
        return try await run(
            line, name: name, directory: command.directory, environment: environment, timeLimit: command.timeLimit,
            network: command.needsNetwork && limits.allowsNetwork)
    }

    func run(
        _ line: [String], name: String, directory: String = "", environment: [String: String] = [:], timeLimit: Duration,
        network: Bool = false
    ) async throws(CallFailure) -> ChildResult {
        let remaining = deadline - ContinuousClock.now
        let sandboxed = SandboxedCommand(
            line, workspace: workspace.tree, home: workspace.home, directory: directory, environment: environment, hasNetwork: network,
            limits: SandboxLimits(
                time: max(.milliseconds(1), min(timeLimit, remaining)), processes: limits.processes, memoryBytes: limits.memoryBytes,
                outputBytes: limits.outputBytes))
        let log = log
        let result: ChildResult
        do throws(ChildError) {
            result = try await sandbox.run(sandboxed) { stream, text in log.line(name, stream, text) }
        } catch { throw error.failure }
        if result.ending == .cancelled { throw CallFailure(.cancelled, code: "cancelled", message: "the run was cancelled") }
        return result
    }

    private func resolve(_ text: String, _ outputs: Outputs) throws(CallFailure) -> CommandTemplate.Resolved {
        let template: CommandTemplate
        do throws(LanguageError) {
            template = try CommandTemplate(parsing: text)
        } catch {
            throw CallFailure(.permanent, code: "bad-command", message: "a command cannot be read: \(error.message)")
        }
        return template.resolve { name in
            if name.hasPrefix("env.") { return variables[String(name.dropFirst(4))].map(JSONValue.string) }
            return values[dotted: name] ?? JSONValue.object(outputs)[dotted: name]
        }
    }

    /// What later steps may use of a step.
    static func output(of result: ChildResult) -> JSONValue {
        let text = result.tail.joined(separator: "\n")
        return .object([
            "exit_status": .integer(Int64(result.exitCode)), "stdout": .string(text), "output": .string(text), "stderr": .string(text),
            "duration_seconds": .double(result.duration.inSeconds), "failure": .string(result.isSuccess ? "" : result.reason),
        ])
    }

    /// The repository's own file, if it has one.
    func repositoryFile() async throws(CallFailure) -> Result<RepositoryFile?, RepositoryFile.Mistakes> {
        let tree = workspace.tree
        let bytes = await onOwnThread { () -> Result<[UInt8]?, WorkFileError> in
            do throws(WorkFileError) {
                return .success(try WorkFiles.readBeneath(tree, RepositoryFile.name, limit: 256 << 10))
            } catch {
                return .failure(error)
            }
        }
        switch bytes {
        case .failure(let error): return .failure(RepositoryFile.Mistakes(list: [error.description]))
        case .success(nil): return .success(nil)
        case .success(let bytes?):
            guard let text = String(validating: bytes, as: UTF8.self) else {
                return .failure(RepositoryFile.Mistakes(list: ["\(RepositoryFile.name): not UTF-8"]))
            }
            do throws(RepositoryFile.Mistakes) {
                return .success(try RepositoryFile(text))
            } catch {
                return .failure(error)
            }
        }
    }

    /// What lies at the top of the tree.
    func names() -> Set<String> { Set(WorkFiles.names(in: workspace.tree)) }
}

extension Pipeline {
    /// Goes through the graph; `perform` says whether a step went well. Gives up after `maximumTurns`.
    /// - Returns: false when the way ended with a failed step.
    func walk(_ perform: (PipelineStep) async throws(CallFailure) -> Bool) async throws(CallFailure) -> Bool {
        var next = steps.first?.name
        var went = true
        var turns = 0
        while let name = next, let step = self[name] {
            turns += 1
            guard turns <= Self.maximumTurns else {
                throw CallFailure(
                    .permanent, code: "endless-pipeline", message: "the pipeline went through \(Self.maximumTurns) steps without an end")
            }
            went = try await perform(step)
            next = went ? step.onSuccess : step.onFailure
        }
        return went
    }
}
