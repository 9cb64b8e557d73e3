import Dispatch
import Glibc
import Kafka
import Synchronization

/// A child process in a group of its own, with a clean signal mask, no inherited descriptors, and an explicit environment. It dies with this process.
public final class ChildProcess: Sendable {
    public let pid: Int32
    private let state = Mutex<ExitStatus?>(nil)
    private let ended = DispatchSemaphore(value: 0)

    /// What is started and how.
    public struct Launch: Sendable {
        /// An absolute path.
        public var program: String
        public var arguments: [String]
        /// All that the child sees of the environment.
        public var environment: [String: String]
        public var output: Output
        /// What the child gets when this process dies in whatever way.
        public var onParentDeath: Signal

        public init(
            program: String, arguments: [String], environment: [String: String], output: Output = .null,
            onParentDeath: Signal = .kill
        ) {
            self.program = program
            self.arguments = arguments
            self.environment = environment
            self.output = output
            self.onParentDeath = onParentDeath
        }
    }

    /// Where standard output and standard error go.
    public enum Output: Sendable, Equatable {
        case null
        case inherit
        /// Appended to; made when it is missing.
        case file(String)
    }

    public enum Signal: Int32, Sendable {
        case hangUp = 1
        case interrupt = 2
        case kill = 9
        case terminate = 15
        /// SIGCONT and SIGSTOP: what a test freezes, it must thaw.
        case thaw = 18
        case freeze = 19

        /// As `setpriv` wants it.
        fileprivate var name: String {
            switch self {
            case .hangUp: "HUP"
            case .interrupt: "INT"
            case .kill: "KILL"
            case .terminate: "TERM"
            case .thaw: "CONT"
            case .freeze: "STOP"
            }
        }
    }

    /// How a process ended.
    public enum ExitStatus: Sendable, Equatable, CustomStringConvertible {
        case exited(Int32)
        case signalled(Int32)

        public var isSuccess: Bool { self == .exited(0) }
        public var description: String {
            switch self {
            case .exited(let code): "exited with status \(code)"
            case .signalled(let signal): "was ended by signal \(signal)"
            }
        }
    }

    /// Starts a process. Returns when it runs; what it does then, it tells by its exit status. Short, but not for the shared pool.
    public static func spawn(_ launch: Launch) throws(SpawnError) -> ChildProcess {
        ChildProcess(pid: try Spawner.shared.spawn(launch))
    }

    private init(pid: Int32) {
        self.pid = pid
        DedicatedThread.start(name: "wait-\(pid)") { [self] in reap() }
    }

    /// Waits for the end, and keeps the process id from being used again while `signal` might still use it.
    private func reap() {
        var information = siginfo_t()
        while waitid(P_PID, id_t(pid), &information, WEXITED | WNOWAIT) != 0, errno == EINTR {}
        state.withLock { state in
            var status: Int32 = 0
            while waitpid(pid, &status, 0) < 0, errno == EINTR {}
            // As the macros WIFEXITED, WEXITSTATUS and WTERMSIG of <sys/wait.h> have it.
            state = status & 0x7f == 0 ? .exited((status >> 8) & 0xff) : .signalled(status & 0x7f)
        }
        ended.signal()
    }

    /// nil while it runs.
    public var exitStatus: ExitStatus? { state.withLock { $0 } }

    /// Signals the process and its whole group; does nothing once it has ended.
    public func signal(_ signal: Signal) {
        state.withLock { state in
            guard state == nil else { return }
            _ = Glibc.kill(-pid, signal.rawValue)
        }
    }

    /// Waits for the end; nil when it still runs after `timeout`. Blocks.
    public func wait(timeout: Duration) -> ExitStatus? {
        if let status = exitStatus { return status }
        let (seconds, attoseconds) = timeout.components
        let nanoseconds = min(seconds, 1_000_000) * 1_000_000_000 + attoseconds / 1_000_000_000
        // Handed on, so that everybody who waits hears of it.
        if ended.wait(timeout: .now() + .nanoseconds(Int(nanoseconds))) == .success { ended.signal() }
        return exitStatus
    }

    /// SIGTERM, and SIGKILL when it still runs after `grace`. Blocks.
    @discardableResult
    public func stop(grace: Duration) -> ExitStatus? {
        signal(.terminate)
        if let status = wait(timeout: grace) { return status }
        signal(.kill)
        return wait(timeout: .seconds(5))
    }
}

/// Why a process could not be started.
public struct SpawnError: Error, Sendable, Equatable, CustomStringConvertible {
    public let program: String
    public let reason: String

    public var description: String { "cannot start \(program): \(reason)" }
}

/// Starts processes on one thread that lives as long as this process: the kernel's parent-death signal fires when the *thread* that made the child ends.
private final class Spawner: Sendable {
    static let shared = Spawner()
    private final class Request: Sendable {
        let launch: ChildProcess.Launch
        let result = Mutex<Result<Int32, SpawnError>?>(nil)
        let answered = DispatchSemaphore(value: 0)

        init(_ launch: ChildProcess.Launch) { self.launch = launch }
    }
    private let requests = Mutex<[Request]>([])
    private let arrived = DispatchSemaphore(value: 0)

    private init() {
        DedicatedThread.start(name: "spawner") { [self] in
            while true {
                arrived.wait()
                guard let request = requests.withLock({ $0.isEmpty ? nil : $0.removeFirst() }) else { continue }
                let result = Result { () throws(SpawnError) in try request.launch.start() }
                request.result.withLock { $0 = result }
                request.answered.signal()
            }
        }
    }

    func spawn(_ launch: ChildProcess.Launch) throws(SpawnError) -> Int32 {
        let request = Request(launch)
        requests.withLock { $0.append(request) }
        arrived.signal()
        request.answered.wait()
        guard let result = request.result.withLock({ $0 }) else { throw SpawnError(program: launch.program, reason: "not started") }
        return try result.get()
    }
}

extension ChildProcess.Launch {
    /// Where util-linux, which every Debian has, keeps the program that sets the parent-death signal and then becomes the other program.
    private static let setpriv = "/usr/bin/setpriv"

    fileprivate func start() throws(SpawnError) -> Int32 {
        guard access(program, X_OK) == 0 else { throw SpawnError(program: program, reason: String(cString: strerror(errno))) }
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var none = sigset_t()
        var all = sigset_t()
        sigemptyset(&none)
        sigfillset(&all)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setsigdefault(&attributes, &all)
        posix_spawnattr_setpgroup(&attributes, 0)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF))

        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        switch output {
        case .inherit: break
        case .null: posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0)
        case .file(let path): posix_spawn_file_actions_addopen(&actions, 1, path, O_WRONLY | O_CREAT | O_APPEND, 0o644)
        }
        if output != .inherit { posix_spawn_file_actions_adddup2(&actions, 1, 2) }
        // Closing one that is gone meanwhile is no error.
        for descriptor in openDescriptors() where descriptor > 2 { posix_spawn_file_actions_addclose(&actions, descriptor) }

        let words = [Self.setpriv, "--pdeathsig", onParentDeath.name, "--", program] + arguments
        let variables = environment.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
        var pid: pid_t = 0
        let status = withCStringArray(words) { argv in
            withCStringArray(variables) { envp in posix_spawn(&pid, Self.setpriv, &actions, &attributes, argv, envp) }
        }
        guard status == 0 else { throw SpawnError(program: program, reason: String(cString: strerror(status))) }
        return pid
    }
}

/// Every descriptor that this process has open.
private func openDescriptors() -> [Int32] {
    guard let directory = opendir("/proc/self/fd") else { return [] }
    defer { closedir(directory) }
    var descriptors: [Int32] = []
    while let entry = readdir(directory) {
        let name = withUnsafeBytes(of: &entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
        if let descriptor = Int32(name) { descriptors.append(descriptor) }
    }
    return descriptors
}

/// Lends a null-terminated array of C strings for the length of a call.
private func withCStringArray<Result>(
    _ strings: [String], _ body: (UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>) -> Result
) -> Result {
    var pointers: [UnsafeMutablePointer<CChar>?] = strings.map { strdup($0) }
    defer { for pointer in pointers { free(pointer) } }
    pointers.append(nil)
    return pointers.withUnsafeMutableBufferPointer { body($0.baseAddress!) }
}
