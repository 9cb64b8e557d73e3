import Calls
import Glibc
import Terminal

/// `mesh down`: ends the mesh of a data directory, and the services that it has deployed.
struct Down {
    let invocation: Invocation

    func run() throws -> Int32 {
        let directory = invocation.dataDirectory
        if let running = RunningMesh.read(in: directory), DirectoryLock.isTaken(directory) {
            guard kill(running.pid, SIGTERM) == 0 else {
                throw CommandFailure("cannot stop process \(running.pid): \(String(cString: strerror(errno)))")
            }
            say("asked the mesh (process \(running.pid)) to stop; its bots finish what they do")
            try DirectoryLock.wait(directory, seconds: 40)
        } else {
            say("no mesh runs under \(directory)")
        }
        let services = ServiceRecord.all(dataDirectory: directory).filter(\.isAlive)
        ServiceSupervisor.stopAll(dataDirectory: directory)
        say(services.isEmpty ? "no deployed service runs" : "stopped: \(services.map(\.name).sorted().joined(separator: ", "))")
        return 0
    }

    private func say(_ text: String) { Terminal.write(text + "\n", to: STDOUT_FILENO) }
}
