import BotKit
import FoundationEssentials
import Glibc
import LoopbackPorts

/// Starts, finds and ends the services of deployed releases. They outlive the bot that started them, and run in a sandbox with the network of
/// the machine, a clean environment, and their release as the working directory.
///
/// It holds nothing: the truth is the process table and the records on disk.
public struct ServiceSupervisor: Sendable {
    private let directory: String
    private let sandbox: Sandbox

    public init(dataDirectory: String, sandbox: Sandbox) {
        directory = "\(dataDirectory)/services"
        self.sandbox = sandbox
    }

    /// Where the service's output lands. It is renamed to `.1` when the service starts anew and it is larger than 1 MiB.
    func logPath(_ name: String) -> String { "\(directory)/\(name).log" }

    /// The service's record, when it is alive.
    func running(_ name: String) throws(FileError) -> ServiceRecord? {
        guard let record = try record(name), record.isAlive else { return nil }
        return record
    }

    /// Sees to it that the service runs this release: left alone when it does, else ended and started anew. Blocks up to the stop time limit.
    func ensure(
        _ name: String, _ settings: ServiceSettings, environment: String, release: String, path: String
    ) throws -> ServiceRecord {
        if let running = try running(name), running.release == release, running.command == settings.command, running.port == settings.port {
            return running
        }
        try stop(name, within: settings.stopTimeLimit)
        return try start(name, settings, environment: environment, release: release, path: path)
    }

    /// Ends the service and whatever it started: SIGTERM, then SIGKILL. Nothing to do is no error. Blocks up to the time limit.
    func stop(_ name: String, within limit: Duration) throws(FileError) {
        let record = try record(name)
        // First of all it is no longer wanted, so that nobody starts it again; a process without a record is found by its mark.
        try Files.remove("\(directory)/\(name).json")
        var groups = Set(orphans(name))
        if let record, record.isAlive { groups.insert(record.process) }
        Self.end(groups, within: limit)
    }

    /// Ends every service below a data directory, e.g. on `mesh down`. Blocks; ends all at the same time. Their records stay: the next DeployBot
    /// starts them again.
    public static func stopAll(dataDirectory: String, within limit: Duration = .seconds(10)) {
        let records = ServiceRecord.all(dataDirectory: dataDirectory)
        end(Set(records.filter(\.isAlive).map(\.process)), within: limit)
    }

    /// Starts a service again that a record asks for and that is gone; a trial's is only cleared away.
    func revive(_ record: ServiceRecord) throws {
        guard try self.record(record.name) == record, !record.isAlive else { return }
        if record.isTrial { return try stop(record.name, within: .seconds(2)) }
        guard Files.exists(record.path) else { return try Files.remove("\(directory)/\(record.name).json") }
        let settings = ServiceSettings(command: record.command, port: record.port, environment: record.variables)
        try Files.append(Array("mesh: the service is gone and is started again\n".utf8), to: logPath(record.name))
        _ = try ensure(record.name, settings, environment: record.name, release: record.release, path: record.path)
    }

    private func start(
        _ name: String, _ settings: ServiceSettings, environment: String, release: String, path: String
    ) throws -> ServiceRecord {
        // Else the other process would answer the health check in this one's place.
        if let port = settings.port, UInt16(exactly: port).map(FreePort.accepts) ?? false {
            throw FileError("the service of \(environment) cannot have port \(port)", number: EADDRINUSE)
        }
        let home = "\(directory)/\(name).home"
        try Files.makeDirectories(home)
        if Files.size(logPath(name)) > 1 << 20 { rename(logPath(name), "\(logPath(name)).1") }
        var variables = settings.environment
        variables["RELEASE"] = release
        variables["ENVIRONMENT"] = environment
        if let port = settings.port { variables["PORT"] = String(port) }
        variables["MESH_SERVICE"] = mark(name)
        let sandboxed = SandboxedCommand(
            settings.command, workspace: path, home: home, environment: variables, hasNetwork: true,
            limits: SandboxLimits(time: .seconds(1), memoryBytes: 8 << 30, fileBytes: 16 << 30))
        let command = try sandbox.serviceCommand(sandboxed)
        let log = open(logPath(name), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o644)
        guard log >= 0 else { throw FileError("cannot open \(logPath(name))") }
        defer { close(log) }
        let process = try spawn(command, input: nil, output: log, errors: log)
        // One that has ended by now is told of like one that ends later: no process began at 0, so that its record is that of a service that is gone.
        let startTicks = ProcessIdentity(of: process)?.startTicks ?? 0
        let record = ServiceRecord(
            name: name, release: release, process: process, startTicks: startTicks, bootID: ProcessIdentity.bootID,
            port: settings.port, command: settings.command, path: path, variables: settings.environment)
        try Files.write(Array(try JSONEncoder().encode(record)), to: "\(directory)/\(name).json")
        return record
    }

    /// What the service printed last.
    func tail(_ name: String, lines: Int = 20) throws(FileError) -> [String] {
        let text = String(decoding: try Files.readEnd(logPath(name), limit: 16 << 10), as: UTF8.self)
        return text.split(separator: "\n").suffix(lines).map { String($0.prefix(1000)) }
    }

    private func record(_ name: String) throws(FileError) -> ServiceRecord? {
        guard let bytes = try Files.read("\(directory)/\(name).json") else { return nil }
        // An unreadable record is as good as none: the process is then found by its mark.
        return try? JSONDecoder().decode(ServiceRecord.self, from: Data(bytes))
    }

    /// Stands in the environment of the service's processes, so that one is found whose record was never written.
    private func mark(_ name: String) -> String { "\(directory)/\(name)" }

    private func orphans(_ name: String) -> [Int32] {
        ProcessTree.processes(withEnvironment: Array("MESH_SERVICE=\(mark(name))".utf8)).map { getpgid($0) }.filter {
            $0 > 1 && $0 != getpgrp()
        }
    }

    private static func end(_ groups: Set<Int32>, within limit: Duration) {
        func remaining() -> Set<Int32> { groups.filter { isGroupAlive($0) } }
        for group in groups { kill(-group, SIGTERM) }
        let deadline = ContinuousClock.now + limit
        while !remaining().isEmpty, ContinuousClock.now < deadline { poll(nil, 0, 20) }
        for group in remaining() { kill(-group, SIGKILL) }
        let last = ContinuousClock.now + .seconds(2)
        while !remaining().isEmpty, ContinuousClock.now < last { poll(nil, 0, 5) }
    }

    /// Whether a process of the group is left that is no zombie.
    private static func isGroupAlive(_ group: Int32) -> Bool {
        waitpid(group, nil, WNOHANG)
        return kill(-group, 0) == 0 && ProcessIdentity.hasLiveMember(group: group)
    }
}

extension Sandbox {
    /// A command line like that of a step, for a process that outlives the bot.
    func serviceCommand(_ command: SandboxedCommand) throws(ChildError) -> ChildCommand {
        let user = user(of: command.workspace)
        if capability.isRoot {
            try Ownership.give(command.workspace, to: user)
            try Ownership.give(command.home, to: user)
        }
        var line = childCommand(command, user: user)
        line.arguments.removeAll { $0 == "--die-with-parent" }
        // The mark of a step: whatever bears it is ended with the step.
        line.environment["MESH_SANDBOX_MARK"] = nil
        line.environment["CI"] = nil
        return line
    }
}
