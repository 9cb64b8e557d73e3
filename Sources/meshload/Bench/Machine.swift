import FoundationEssentials
import Glibc
import Kafka
import LocalBroker

/// The machine and the versions, for the document.
struct Machine {
    /// One paragraph.
    let text: String

    init(_ ground: BenchGround) throws {
        let memory = (sysconf(Int32(_SC_PHYS_PAGES)) * sysconf(Int32(_SC_PAGESIZE)) + (1 << 29)) >> 30
        let kernel = Self.file("/proc/sys/kernel/osrelease")
        var parts = [
            "\(Self.processor), \(sysconf(Int32(_SC_NPROCESSORS_ONLN))) cores, \(memory) GiB, Linux \(kernel)",
            Self.swift(ground), "librdkafka \(KafkaLibrary.version)",
        ]
        if let python = Self.python(ground) { parts.append(python) }
        parts.append(ground.hasOwnBroker ? "meshbroker on the same machine" : "a broker that was named")
        if let commit = Self.commit(ground) { parts.append("commit \(commit)") }
        text = parts.joined(separator: "; ") + "; \(Self.today)."
    }

    private static var processor: String {
        let lines = file("/proc/cpuinfo").split(separator: "\n")
        let name = lines.first { $0.hasPrefix("model name") }?.split(separator: ":").last
        return name.map { $0.drop { $0 == " " } }.map(String.init) ?? "unknown processor"
    }

    private static var today: String {
        var now = time(nil)
        var parts = tm()
        gmtime_r(&now, &parts)
        let digits = { (number: Int32) in number < 10 ? "0\(number)" : "\(number)" }
        return "\(parts.tm_year + 1_900)-\(digits(parts.tm_mon + 1))-\(digits(parts.tm_mday))"
    }

    private static func file(_ path: String) -> String {
        let text = FileManager.default.contents(atPath: path).map { String(decoding: $0.prefix(65_536), as: UTF8.self) } ?? ""
        return String(text.prefix { $0 != "\0" }).split(separator: "\n").joined(separator: "\n")
    }

    /// As the compiler says it.
    private static func swift(_ ground: BenchGround) -> String {
        for program in programs("swift", ground) {
            let words = said(by: program, ["--version"], ground).split(separator: " ").map(String.init)
            if let place = words.firstIndex(of: "version"), place + 1 < words.count { return "Swift \(words[place + 1])" }
        }
        return "Swift, unknown version"
    }

    /// Of the repository around the working directory, with a word where files of it have changed since; nil outside of one.
    private static func commit(_ ground: BenchGround) -> String? {
        guard let git = programs("git", ground).first else { return nil }
        let line = said(by: git, ["describe", "--always", "--dirty=, changed", "--exclude", "*"], ground)
        return line.wholeMatch(of: /[0-9a-f]{7,64}(, changed)?/) == nil ? nil : line
    }

    /// Those of that name in the search path.
    private static func programs(_ name: String, _ ground: BenchGround) -> [String] {
        (ground.programs.environment["PATH"] ?? "/usr/bin:/bin").split(separator: ":").map { "\($0)/\(name)" }
            .filter { FileManager.default.isExecutableFile(atPath: $0) }
    }

    private static func python(_ ground: BenchGround) -> String? {
        guard ground.programs.missing(for: .python) == nil else { return nil }
        let script = """
            import platform, confluent_kafka as c, orjson
            print(f"Python {platform.python_version()}, confluent-kafka {c.__version__} on librdkafka {c.libversion()[0]}, orjson {orjson.__version__}")
            """
        let line = said(by: ground.programs.python, ["-c", script], ground)
        return line.hasPrefix("Python") ? line : nil
    }

    /// The first line of what a program writes; empty when it cannot be run.
    private static func said(by program: String, _ arguments: [String], _ ground: BenchGround) -> String {
        let log = ground.directory + "/version.log"
        do {
            let child = try ChildProcess.spawn(
                ChildProcess.Launch(
                    program: program, arguments: arguments, environment: ground.programs.environment, output: .file(log)))
            if child.wait(timeout: .seconds(30)) == nil { child.signal(.kill) }
            defer { unlink(log) }
            return file(log).split(separator: "\n").first.map(String.init) ?? ""
        } catch {
            return ""
        }
    }
}
