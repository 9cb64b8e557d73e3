import CSystem
import Glibc

/// Gives a directory tree to a user. Links are not followed; only the bot's own workspaces are ever given away.
enum Ownership {
    static func give(_ directory: String, to user: UInt32) throws(ChildError) {
        let result = csystem_give_tree(directory, user)
        guard result == 0 else { throw ChildError("cannot give \(directory) to the sandbox's user", number: -result) }
    }
}

/// Processes that left their group, where no namespace ends them: found by a mark in their environment.
enum Leftovers {
    /// Kills until none is left, at most ten rounds.
    static func kill(marker: String) {
        for _ in 0..<10 {
            let found = ProcessTree.processes(withEnvironment: Array(marker.utf8)).filter { $0 != getpid() }
            if found.isEmpty { return }
            for process in found { Glibc.kill(process, SIGKILL) }
        }
    }
}
