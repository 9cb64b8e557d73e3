import Glibc

/// How well this machine can keep a foreign command apart. Found by trying; said at start-up.
public struct SandboxCapability: Sendable, Equatable {
    public enum Level: String, Sendable {
        /// bubblewrap with namespaces of its own for processes, mounts, IPC, host name and network; an unprivileged user; limits.
        case full
        /// The same, but the network cannot be taken away.
        case sharedNetwork = "shared-network"
        /// No namespaces: limits, a clean environment, and another user where the bot is root.
        case reduced
    }

    public let level: Level
    /// Whether the bot runs as root, so that commands get a numeric user of their own.
    public let isRoot: Bool
    /// The first of the user ids given to commands when `isRoot`; each workspace has one.
    let userBase: UInt32
    let userCount: UInt32
    /// Where the helper programs are; nil when they are missing.
    let bubblewrap: String?
    let prlimit: String?
    let setpriv: String?
    /// One line for people.
    public let text: String

    /// Tries what works here. Takes some 20 ms.
    public static func detect() async -> SandboxCapability {
        let path = ChildCommand.plainEnvironment["PATH"] ?? ""
        let tools = Tools(
            bubblewrap: ChildCommand.find("bwrap", path: path), prlimit: ChildCommand.find("prlimit", path: path),
            setpriv: ChildCommand.find("setpriv", path: path), isRoot: geteuid() == 0)
        // Ids above those of containers and below 2^31; where a container has no such ids, the one of nobody.
        var candidates: [(base: UInt32, count: UInt32)] = [(base: geteuid(), count: 1)]
        if tools.isRoot { candidates = [(base: 2_000_000_000, count: 1_000_000), (base: 65_534, count: 1)] }
        var reason = "bubblewrap is not installed"
        var user = candidates[candidates.count - 1]
        for candidate in candidates {
            guard tools.isRoot else { break }
            if await tools.canBecome(candidate.base) {
                user = candidate
                break
            }
        }
        if tools.bubblewrap != nil {
            for level in [Level.full, .sharedNetwork] {
                let capability = tools.capability(level, user: user, text: text(level))
                guard let failure = await probe(capability) else { return capability }
                reason = failure
            }
        }
        let limits = tools.prlimit == nil ? "a limit on time and output" : "limits on processes, memory, time and output"
        let identity = tools.isRoot && tools.setpriv != nil ? "as user \(user.base)" : "as the bot's own user"
        return tools.capability(
            .reduced, user: user,
            text:
                "sandbox: LESSER PROTECTION, namespaces are not permitted here (\(reason)). Steps run \(identity) with \(limits) and a clean environment, "
                + "but can read and write what that user can, and use the network. Permit user namespaces (bubblewrap must work) for the full sandbox."
        )
    }

    private static func text(_ level: Level) -> String {
        let base =
            "sandbox: bubblewrap, own process, mount, IPC and host-name namespaces, unprivileged user, limits on processes, memory, time and output"
        return level == .full ? base + ", no network unless allowed" : base + "; the network CANNOT be taken away on this machine"
    }

    /// Nil when a command runs under that protection; else what the helper said.
    private static func probe(_ capability: SandboxCapability) async -> String? {
        let sandbox = Sandbox(capability: capability)
        let command = SandboxedCommand(
            ["/bin/true"], workspace: "/tmp", home: "/tmp", limits: SandboxLimits(time: .seconds(10), processes: 64, tailLines: 1))
        do {
            let result = try await ChildProcess.run(sandbox.childCommand(command, user: capability.userBase))
            return result.isSuccess ? nil : (result.tail.last ?? result.reason)
        } catch {
            return error.description
        }
    }
}

/// The helper programs of one machine.
private struct Tools {
    let bubblewrap: String?
    let prlimit: String?
    let setpriv: String?
    let isRoot: Bool

    func canBecome(_ user: UInt32) async -> Bool {
        guard let setpriv else { return false }
        let id = String(user)
        let command = ChildCommand(
            setpriv, ["--reuid", id, "--regid", id, "--clear-groups", "--", "/bin/true"], limits: ChildLimits(time: .seconds(10)))
        do throws(ChildError) {
            return try await ChildProcess.run(command).isSuccess
        } catch {
            return false
        }
    }

    func capability(_ level: SandboxCapability.Level, user: (base: UInt32, count: UInt32), text: String) -> SandboxCapability {
        SandboxCapability(
            level: level, isRoot: isRoot, userBase: user.base, userCount: user.count, bubblewrap: bubblewrap, prlimit: prlimit,
            setpriv: setpriv, text: text)
    }
}
