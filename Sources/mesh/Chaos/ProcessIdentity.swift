import Envelopes
import FoundationEssentials
import Glibc
import Kafka

/// What the kernel says of a process, for the question whether it is the bot instance that a record speaks of.
struct ProcessIdentity: Equatable, Sendable {
    /// The program's file.
    let program: String
    let words: [String]
    let environment: [String: String]
    let startedAt: Timestamp

    /// nil when there is no such process, or it belongs to somebody else.
    static func of(_ pid: Int32) -> ProcessIdentity? {
        guard pid > 1 else { return nil }
        func read(_ name: String) -> [String]? {
            guard let data = FileManager.default.contents(atPath: "/proc/\(pid)/\(name)"), data.count <= 4 << 20 else { return nil }
            return String(decoding: data, as: UTF8.self).split(separator: "\0", omittingEmptySubsequences: true).map(String.init)
        }
        guard let program = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\(pid)/exe"), let words = read("cmdline"),
            let variables = read("environ"), let startedAt = startTime(of: pid)
        else { return nil }
        let pairs = variables.map { $0.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false) }
        return ProcessIdentity(
            program: program, words: words,
            environment: Dictionary(
                pairs.filter { $0.count == 2 }.map { (String($0[0]), String($0[1])) }, uniquingKeysWith: { first, _ in first }),
            startedAt: startedAt)
    }

    /// Whether a signal has stopped it.
    static func isStopped(_ pid: Int32) -> Bool { fields(of: pid)?.first == "T" }

    /// What stands in /proc/PID/stat after the program's name, which is in parentheses and may hold anything; nil when there is no such process.
    private static func fields(of pid: Int32) -> [Substring]? {
        guard let stat = FileManager.default.contents(atPath: "/proc/\(pid)/stat") else { return nil }
        return String(decoding: stat, as: UTF8.self).split(separator: ")").last?.split(separator: " ")
    }

    /// Field 22 of /proc/PID/stat, in ticks since the machine's start, whose time is `btime` of /proc/stat.
    private static func startTime(of pid: Int32) -> Timestamp? {
        guard let system = FileManager.default.contents(atPath: "/proc/stat"), let fields = fields(of: pid), fields.count > 19,
            let ticks = Int64(fields[19]),
            let line = String(decoding: system, as: UTF8.self).split(separator: "\n").first(where: { $0.hasPrefix("btime ") }),
            let boot = Int64(line.dropFirst(6))
        else { return nil }
        let ticksPerSecond = Int64(max(1, sysconf(Int32(_SC_CLK_TCK))))
        return Timestamp(milliseconds: boot * 1_000 + ticks * 1_000 / ticksPerSecond)
    }

    /// Why it must not be signalled as the instance of `record` in the mesh at `brokers`; nil when it is that one.
    func refusal(_ record: InstanceRecord, brokers: String) -> String? {
        let file = program.split(separator: "/").last.map { $0.hasSuffix(" (deleted)") ? $0.dropLast(10) : $0 }
        guard file == "meshbot" else { return "process \(record.pid) is \(program), and no meshbot" }
        guard words.count > 1, words.dropFirst().contains(record.bot), replica == record.replica else {
            return "process \(record.pid) runs another bot: \(words.dropFirst().prefix(4).joined(separator: " "))"
        }
        let own = Self.addresses(option("--brokers") ?? environment["KAFKA_BOOTSTRAP_SERVERS"] ?? "")
        guard !own.isDisjoint(with: Self.addresses(brokers)) else {
            return "process \(record.pid) belongs to the mesh at \(own.sorted().joined(separator: ",")), not to this one"
        }
        // A record of an earlier process may name a number that was given again. The clock of the kernel is rounded, and may have been set.
        guard let said = Timestamp.parse(record.startedAt),
            startedAt <= said.advanced(by: .seconds(5)), said <= startedAt.advanced(by: .seconds(120))
        else { return "process \(record.pid) began at \(startedAt), the instance at \(record.startedAt)" }
        return nil
    }

    private var replica: Int { option("--replica").flatMap { Int($0) } ?? environment["MESH_REPLICA"].flatMap { Int($0) } ?? 1 }

    private func option(_ name: String) -> String? {
        if let index = words.firstIndex(of: name), index + 1 < words.count { return words[index + 1] }
        return words.first { $0.hasPrefix(name + "=") }.map { String($0.dropFirst(name.count + 1)) }
    }

    private static func addresses(_ list: String) -> Set<String> {
        Set(BrokerAddress.list(list).map { "\($0.host == "localhost" ? "127.0.0.1" : $0.host):\($0.port)" })
    }

    /// This machine, as the instances' records name it.
    static var hostName: String {
        var buffer = [CChar](repeating: 0, count: 256)
        guard gethostname(&buffer, buffer.count - 1) == 0 else { return "unknown" }
        return String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
