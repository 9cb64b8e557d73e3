import Glibc
import LocalBroker

/// Freezes a process, and sees to it that it is let go also when this process is killed: a small shell waits for that.
struct FreezeGuard {
    let pid: Int32
    private let shell: ChildProcess

    /// Throws when the process cannot be stopped.
    init(_ pid: Int32) throws {
        self.pid = pid
        shell = try ChildProcess.spawn(
            ChildProcess.Launch(
                program: "/bin/sh", arguments: ["-c", "trap 'kill -CONT \"$1\"; exit 0' TERM; while :; do sleep 1; done", "sh", "\(pid)"],
                environment: ["PATH": "/usr/bin:/bin"], onParentDeath: .terminate))
        guard kill(pid, SIGSTOP) == 0 else {
            let reason = String(cString: strerror(errno))
            shell.signal(.kill)
            throw CommandFailure("process \(pid) cannot be stopped: \(reason)")
        }
    }

    func thaw() {
        kill(pid, SIGCONT)
        shell.signal(.kill)
    }
}
