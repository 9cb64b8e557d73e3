import CSystem
import Glibc
import LocalBroker

/// A process in a session of its own, which goes on when this process, its terminal, or the login ends.
struct DetachedProcess {
    let pid: Int32

    /// Starts `program` with nothing to read and all output at the end of `log`, which is made when it is missing.
    init(_ program: String, _ arguments: [String], environment: [String: String], log: String) throws(CommandFailure) {
        let descriptor = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o640)
        guard descriptor >= 0 else { throw CommandFailure("cannot write \(log): \(String(cString: strerror(errno)))") }
        defer { close(descriptor) }
        var pid: pid_t = 0
        let status = CStrings.lend([program] + arguments) { argv in
            CStrings.lend(environment.map { "\($0)=\($1)" }.sorted()) { envp in
                csystem_spawn(&pid, program, argv, envp, nil, -1, descriptor, descriptor)
            }
        }
        guard status == 0 else { throw CommandFailure("cannot start \(program): \(String(cString: strerror(-status)))") }
        self.pid = pid
    }

    /// How it ended; nil while it runs.
    func ended() -> ChildProcess.ExitStatus? {
        var status: Int32 = 0
        guard waitpid(pid, &status, WNOHANG) == pid else { return nil }
        return status & 0x7f == 0 ? .exited((status >> 8) & 0xff) : .signalled(status & 0x7f)
    }
}
