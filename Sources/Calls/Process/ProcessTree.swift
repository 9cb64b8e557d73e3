import Glibc

/// What `/proc` tells about a process and its descendants.
enum ProcessTree {
    /// Private memory of all, and the largest shared memory of one, of the process and its descendants. 0 when `/proc` cannot be read.
    static func memoryBytes(below root: pid_t) -> Int {
        let entries = processes()
        let members = descendants(of: root, in: entries)
        var privateKilobytes = 0
        var sharedKilobytes = 0
        for member in members {
            let memory = memory(of: member)
            privateKilobytes += memory.private
            sharedKilobytes = max(sharedKilobytes, memory.shared)
        }
        return (privateKilobytes + sharedKilobytes) << 10
    }

    /// The process and all that descend from it, parents first.
    static func descendants(of root: pid_t) -> [pid_t] { descendants(of: root, in: processes()) }

    /// Those whose initial environment has exactly this entry.
    static func processes(withEnvironment entry: [UInt8]) -> [pid_t] {
        processes().map(\.process).filter { process in
            guard let environment = readSmallFile("/proc/\(process)/environ", maximum: 256 << 10) else { return false }
            return environment.split(separator: 0).contains { $0.elementsEqual(entry) }
        }
    }

    /// Whether the process has ended and only waits to be reaped.
    static func isZombie(_ process: pid_t) -> Bool {
        guard let text = readSmallFile("/proc/\(process)/stat"), let close = text.lastIndex(of: UInt8(ascii: ")")) else { return false }
        return text[(close + 1)...].first { $0 != UInt8(ascii: " ") } == UInt8(ascii: "Z")
    }

    /// The processes whose command line contains `text`.
    static func commandLines(containing text: String) -> [pid_t] {
        processes().map(\.process).filter { process in
            guard let line = readSmallFile("/proc/\(process)/cmdline", maximum: 64 << 10) else { return false }
            return String(decoding: line, as: UTF8.self).contains(text)
        }
    }

    private static func descendants(of root: pid_t, in entries: [(process: pid_t, parent: pid_t)]) -> [pid_t] {
        let children = Dictionary(grouping: entries, by: \.parent)
        var members = [root]
        var next = 0
        while next < members.count, members.count <= entries.count {
            members += children[members[next], default: []].map(\.process)
            next += 1
        }
        return members
    }

    /// Every process with its parent.
    private static func processes() -> [(process: pid_t, parent: pid_t)] {
        guard let directory = opendir("/proc") else { return [] }
        defer { closedir(directory) }
        var found: [(process: pid_t, parent: pid_t)] = []
        while let entry = readdir(directory) {
            let name = withUnsafeBytes(of: entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
            guard let process = pid_t(name), let parent = parent(of: process) else { continue }
            found.append((process, parent))
        }
        return found
    }

    private static func parent(of process: pid_t) -> pid_t? {
        // "PID (NAME) STATE PARENT …"; the name may hold spaces and parentheses.
        guard let text = readSmallFile("/proc/\(process)/stat"), let close = text.lastIndex(of: UInt8(ascii: ")")) else { return nil }
        let fields = text[(close + 1)...].split(separator: UInt8(ascii: " "))
        guard fields.count > 1 else { return nil }
        return pid_t(String(decoding: fields[1], as: UTF8.self))
    }

    private static func memory(of process: pid_t) -> (private: Int, shared: Int) {
        guard let text = readSmallFile("/proc/\(process)/status") else { return (0, 0) }
        var kilobytes = (private: 0, shared: 0)
        for line in text.split(separator: UInt8(ascii: "\n")) {
            if line.starts(with: "RssAnon:".utf8) { kilobytes.private = number(line) }
            if line.starts(with: "RssShmem:".utf8) { kilobytes.shared = number(line) }
        }
        return kilobytes
    }

    private static func number(_ line: ArraySlice<UInt8>) -> Int {
        let digits = line.drop { !(UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }.prefix {
            (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0)
        }
        return Int(String(decoding: digits, as: UTF8.self)) ?? 0
    }

    /// The beginning of a file; nil when it cannot be read (the process may have ended meanwhile).
    private static func readSmallFile(_ path: String, maximum: Int = 8 << 10) -> [UInt8]? {
        let number = open(path, O_RDONLY | O_CLOEXEC)
        guard number >= 0 else { return nil }
        defer { close(number) }
        let bytes = [UInt8](unsafeUninitializedCapacity: maximum) { buffer, count in
            count = max(0, read(number, buffer.baseAddress, buffer.count))
        }
        return bytes.isEmpty ? nil : bytes
    }
}
