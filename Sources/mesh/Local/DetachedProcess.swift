import FoundationEssentials
import Glibc
import LocalBroker

/// A process in a session of its own, which goes on when this process, its terminal, or the login ends.
struct DetachedProcess {
    let pid: Int32
    /// POSIX_SPAWN_SETSID of glibc's <spawn.h>, which shows it to GNU programs only.
    private static let setSession: Int16 = 0x80

    /// Starts `program` with nothing to read and all output at the end of `log`, which is made when it is missing.
    init(_ program: String, _ arguments: [String], environment: [String: String], log: String) throws(CommandFailure) {
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var none = sigset_t()
        var all = sigset_t()
        sigemptyset(&none)
        sigfillset(&all)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setsigdefault(&attributes, &all)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF) | Self.setSession)
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_addopen(&actions, 1, log, O_WRONLY | O_CREAT | O_APPEND, 0o640)
        posix_spawn_file_actions_adddup2(&actions, 1, 2)
        // Whatever is open here, by whichever library; closing one that is gone meanwhile is no error.
        for name in (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd")) ?? [] {
            if let descriptor = Int32(name), descriptor > 2 { posix_spawn_file_actions_addclose(&actions, descriptor) }
        }
        var pid: pid_t = 0
        let status = CStrings.lend([program] + arguments) { argv in
            CStrings.lend(environment.map { "\($0)=\($1)" }.sorted()) { envp in
                posix_spawn(&pid, program, &actions, &attributes, argv, envp)
            }
        }
        guard status == 0 else { throw CommandFailure("cannot start \(program): \(String(cString: strerror(status)))") }
        self.pid = pid
    }

    /// How it ended; nil while it runs.
    func ended() -> ChildProcess.ExitStatus? {
        var status: Int32 = 0
        guard waitpid(pid, &status, WNOHANG) == pid else { return nil }
        return status & 0x7f == 0 ? .exited((status >> 8) & 0xff) : .signalled(status & 0x7f)
    }
}
