import Glibc
import LocalBroker

/// Freezes a process, and sees to it that it is let go also when this process is killed: a small shell waits for that.
///
/// The shell also does the freezing, once it is ready to undo it: there is no moment at which nobody would.
struct FreezeGuard {
    let pid: Int32
    let shell: ChildProcess
    private static let patience: Duration = .seconds(30)

    /// Returns when the process stands still. Throws when it cannot be stopped. Blocks.
    init(_ pid: Int32) throws {
        self.pid = pid
        shell = try ChildProcess.spawn(
            ChildProcess.Launch(
                program: "/bin/sh", arguments: ["-c", Self.script, "sh", "\(pid)"],
                environment: ["PATH": "/usr/bin:/bin"], onParentDeath: .terminate))
        let deadline = ContinuousClock.now.advanced(by: Self.patience)
        while !ProcessIdentity.isStopped(pid) {
            guard shell.exitStatus == nil, ContinuousClock.now < deadline else {
                shell.signal(.kill)
                _ = shell.wait(timeout: .seconds(2))
                kill(pid, SIGCONT)
                throw CommandFailure("process \(pid) cannot be stopped: it is gone, or not yours, or does not stand still")
            }
            usleep(2_000)
        }
    }

    private static let script = "trap 'kill -CONT \"$1\"; exit 0' TERM; kill -STOP \"$1\" || exit 1; while :; do sleep 1; done"

    func thaw() {
        kill(pid, SIGCONT)
        shell.signal(.kill)
    }
}
