import FoundationEssentials
import Glibc
import Synchronization
import Terminal

/// `mesh up --detach`: starts the mesh in the background, and returns when it is ready.
struct Detach {
    let invocation: Invocation
    /// Set in the environment of the mesh in the background.
    static let variable = "MESH_UP_DETACHED"
    /// A log that has become larger is put aside at the next start.
    private static let maximumLogBytes = 10_000_000
    /// The bots have three minutes, the broker one.
    private static let limit: Duration = .seconds(300)

    func run() throws -> Int32 {
        Signals.block()
        let directory = invocation.dataDirectory
        if DirectoryLock.isTaken(directory) { throw DirectoryLock.refusal(directory) }
        try FileManager.default.createDirectory(atPath: directory + "/logs", withIntermediateDirectories: true)
        let log = directory + "/logs/mesh.log"
        var place = try Self.size(putAside: log)
        let words = Swift.CommandLine.arguments.dropFirst().filter { $0 != "--detach" }
        var environment = ProcessInfo.processInfo.environment
        environment[Self.variable] = "1"
        let process = try DetachedProcess(Executable.path, Array(words), environment: environment, log: log)
        let isInterrupted = Atomic(false)
        Signals.listen { _ in
            isInterrupted.store(true, ordering: .relaxed)
            kill(process.pid, SIGTERM)
        }
        let deadline = ContinuousClock.now.advanced(by: Self.limit)
        while true {
            let status = process.ended()
            place = Self.show(log, from: place)
            if let status {
                if isInterrupted.load(ordering: .relaxed) { throw CommandFailure("stopped") }
                // What went wrong stands above, in the mesh's own words.
                if case .exited(let code) = status, code != 0 { return code }
                throw CommandFailure("the mesh ended before it was ready: it \(status). Its log: \(log)")
            }
            if let running = RunningMesh.read(in: directory), running.pid == process.pid, running.readyAt != nil,
                // What was told to end is not left running.
                !isInterrupted.load(ordering: .relaxed)
            {
                say("detached", "process \(process.pid), Kafka at \(running.brokers); its log: \(log)")
                say("", "mesh ps shows its bots, mesh down ends it")
                return 0
            }
            guard ContinuousClock.now < deadline else {
                kill(process.pid, SIGTERM)
                throw CommandFailure("the mesh did not get ready within \(HumanText.duration(Self.limit)). Its log: \(log)")
            }
            usleep(50_000)
        }
    }

    private func say(_ part: String, _ text: String) {
        Terminal.write(part + String(repeating: " ", count: max(1, 11 - part.count)) + text + "\n", to: STDOUT_FILENO)
    }

    /// How long the log is; one that is too long gives way to a new one.
    private static func size(putAside log: String) throws -> Int {
        var information = stat()
        guard stat(log, &information) == 0 else { return 0 }
        guard information.st_size > maximumLogBytes else { return information.st_size }
        guard rename(log, log + ".1") == 0 else { throw CommandFailure("cannot rename \(log): \(String(cString: strerror(errno)))") }
        return 0
    }

    /// Prints what has been written to the log since `place`, and gives the place behind it.
    private static func show(_ log: String, from place: Int) -> Int {
        let descriptor = open(log, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return place }
        defer { close(descriptor) }
        var place = place
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = pread(descriptor, &buffer, buffer.count, place)
            guard count > 0 else { return place }
            Terminal.write(String(decoding: buffer.prefix(count), as: UTF8.self), to: STDOUT_FILENO)
            place += count
        }
    }
}
