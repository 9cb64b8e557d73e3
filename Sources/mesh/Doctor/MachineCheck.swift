import BotKit
import CSystem
import Calls
import Glibc
import Terminal

/// What the bots need of the machine that they run on. Pure but for `here`.
struct MachineCheck {
    /// The programs that were found, by name.
    var programs: Set<String>
    var sandbox: SandboxCapability.Level
    var sandboxText: String
    /// Of the file system that the data directory lies on, or will; nil where it cannot be asked. Bytes.
    var disk: (path: String, free: UInt64, total: UInt64)?
    /// nil: the kernel does not say.
    var isClockKept: Bool?
    var bots: [BotConfiguration]

    private static let needed = ["git", "tar"]
    private static let helpful = [
        ("zstd", "artifacts are packed with gzip, slower and larger"), ("prlimit", "steps have no limits on processes and memory"),
        ("setpriv", "steps cannot be given a user of their own"),
    ]
    private static let debianPackages = ["prlimit": "util-linux", "setpriv": "util-linux", "kubectl": "kubernetes-client"]
    private static let leastFree: UInt64 = 1 << 30
    private static let littleFree: UInt64 = 5 << 30

    var findings: [Finding] { tools + [sandboxFinding] + [diskFinding, clockFinding].compactMap { $0 } }

    private var tools: [Finding] {
        var needed = Self.needed
        if bots.contains(where: Self.deploysToKubernetes) { needed.append("kubectl") }
        let missing = needed.filter { !programs.contains($0) }
        let lacking = Self.helpful.filter { !programs.contains($0.0) }
        var findings = lacking.map { name, effect in
            Finding.warning("tools", "\(name) is not installed: \(effect)", mend: Self.install([name]))
        }
        if missing.isEmpty {
            findings.insert(.fine("tools", "\(needed.joined(separator: ", ")) are there"), at: 0)
        } else {
            findings.insert(.problem("tools", "not installed: \(missing.joined(separator: ", "))", mend: Self.install(missing)), at: 0)
        }
        return findings
    }

    private static func deploysToKubernetes(_ bot: BotConfiguration) -> Bool {
        bot.actions.contains { $0.type == "deploy.kubernetes" }
    }

    private static func install(_ names: [String]) -> String {
        "sudo apt-get install " + names.map { debianPackages[$0] ?? $0 }.joined(separator: " ")
    }

    private var sandboxFinding: Finding {
        switch sandbox {
        case .full: .fine("sandbox", "steps run apart from the bots, without network unless it is allowed")
        case .sharedNetwork:
            .warning(
                "sandbox", "steps run apart, but the network cannot be taken from them",
                mend: "run the bots where network namespaces are permitted")
        case .reduced:
            .problem(
                "sandbox", "steps are not kept apart: \(sandboxText)",
                mend: programs.contains("bwrap")
                    ? "sudo sysctl kernel.unprivileged_userns_clone=1 user.max_user_namespaces=15000" : "sudo apt-get install bubblewrap")
        }
    }

    private var diskFinding: Finding? {
        guard let disk else { return nil }
        let text = "\(HumanText.bytes(disk.free)) of \(HumanText.bytes(disk.total)) are free under \(disk.path)"
        let mend = "make room under \(disk.path), or take another directory: --data-dir DIR"
        if disk.free < Self.leastFree { return .problem("disk", text, mend: mend) }
        return disk.free < Self.littleFree ? .warning("disk", text, mend: mend) : .fine("disk", text)
    }

    private var clockFinding: Finding? {
        guard let isClockKept else { return nil }
        if isClockKept { return .fine("clock", "this machine's clock is kept by a time service") }
        return .warning("clock", "no time service keeps this machine's clock", mend: "sudo timedatectl set-ntp true")
    }
}

extension MachineCheck {
    /// Looks at this machine.
    static func here(dataDirectory: String, path: String, bots: [BotConfiguration]) throws -> MachineCheck {
        let names = ["git", "tar", "zstd", "prlimit", "setpriv", "bwrap", "kubectl"]
        let capability = try waitFor { await SandboxCapability.detect() }
        return MachineCheck(
            programs: Set(names.filter { isProgram($0, path: path) }), sandbox: capability.level, sandboxText: capability.text,
            disk: disk(dataDirectory), isClockKept: isClockKept, bots: bots)
    }

    private static func isProgram(_ name: String, path: String) -> Bool {
        path.split(separator: ":").contains { access("\($0)/\(name)", X_OK) == 0 }
    }

    /// Of the nearest folder that is there: the data directory may not have been made yet.
    private static func disk(_ directory: String) -> (path: String, free: UInt64, total: UInt64)? {
        var path = directory
        var status = statvfs()
        while statvfs(path, &status) != 0 {
            guard errno == ENOENT, path != "/", path != "." else { return nil }
            path = folder(of: path)
        }
        let block = UInt64(status.f_frsize)
        return (directory, UInt64(status.f_bavail) * block, UInt64(status.f_blocks) * block)
    }

    private static var isClockKept: Bool? {
        let answer = csystem_clock_is_kept()
        return answer < 0 ? nil : answer == 1
    }
}
