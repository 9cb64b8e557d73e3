import BotKit
import Envelopes
import Glibc
import Synchronization

/// A directory of OSV records on disk, e.g. what osv.dev offers for download, unpacked. Which package stands in which file is read once and kept until
/// a file changes.
final class OSVDatabase: Sendable {
    /// More records than this are not read; the scan then counts as incomplete.
    static let maximumFiles = 400_000
    static let maximumRecordBytes = 4 << 20

    private struct Index: Sendable {
        let stamp: String
        /// Ecosystem and package → the files that name it.
        let files: [String: [String]]
        let problems: [String]
    }
    private let indexes = Mutex<[String: Index]>([:])

    struct Match: Sendable, Equatable {
        let dependency: Dependency
        let record: OSVRecord
        let severity: FindingSeverity
        let fix: String?
    }

    struct Answer: Sendable {
        /// The worst first.
        var matches: [Match] = []
        var problems: [String] = []
        var records = 0
    }

    /// The records that affect the dependencies. Blocks: not for the shared thread pool.
    func matches(_ dependencies: [Dependency], directory: String, stop: StopFlag) throws(CallFailure) -> Answer {
        let index = try index(of: directory, stop: stop)
        var answer = Answer(problems: index.problems)
        var read: [String: OSVRecord?] = [:]
        for dependency in dependencies {
            try stop.check()
            for file in index.files[Self.key(dependency.ecosystem, dependency.name)] ?? [] {
                if read[file] == nil { read[file] = Self.record(file) }
                guard let record = read[file] ?? nil else { continue }
                let affected = record.affected.filter { $0.ecosystem == dependency.ecosystem && $0.name == dependency.name }
                guard let hit = affected.first(where: { $0.contains(dependency.version) }) else { continue }
                answer.matches.append(
                    Match(
                        dependency: dependency, record: record, severity: hit.severity ?? record.severity,
                        fix: affected.compactMap { $0.fix(for: dependency.version) }.first))
            }
        }
        answer.matches = Self.withoutAliases(answer.matches).sorted { left, right in
            if left.severity != right.severity { return left.severity > right.severity }
            return (left.dependency.name, left.dependency.version, left.record.id, left.dependency.file)
                < (right.dependency.name, right.dependency.version, right.record.id, right.dependency.file)
        }
        answer.records = read.count
        return answer
    }

    /// One weakness often has a record in several databases: of those that name each other, the first by id stays.
    private static func withoutAliases(_ matches: [Match]) -> [Match] {
        var seen: [Dependency: Set<String>] = [:]
        return matches.sorted { $0.record.id < $1.record.id }.filter { match in
            let names = Set([match.record.id] + match.record.aliases)
            guard seen[match.dependency, default: []].isDisjoint(with: names) else { return false }
            seen[match.dependency, default: []].formUnion(names)
            return true
        }
    }

    private static func key(_ ecosystem: Ecosystem, _ name: String) -> String { "\(ecosystem.rawValue)\u{1f}\(name)" }

    private static func record(_ file: String) -> OSVRecord? {
        guard case .text(let text, isCut: false) = ScannedFile.read(file, limit: maximumRecordBytes) else { return nil }
        do {
            return OSVRecord(try JSONValue.parse(text))
        } catch {
            return nil
        }
    }

    private func index(of directory: String, stop: StopFlag) throws(CallFailure) -> Index {
        let walk = try TreeWalk.files(below: directory, limits: TreeLimits(files: Self.maximumFiles), stop: stop)
        let records = walk.files.filter { $0.path.hasSuffix(".json") }
        let newest = records.map(\.modified).max() ?? 0
        let stamp = "\(records.count) \(newest) \(records.reduce(0) { $0 &+ $1.size })"
        if let known = indexes.withLock({ $0[directory] }), known.stamp == stamp { return known }

        var files: [String: [String]] = [:]
        var unreadable = 0
        for (number, file) in records.enumerated() {
            if number % 256 == 0 { try stop.check() }
            let path = "\(directory)/\(file.path)"
            guard case .text(let text, isCut: false) = ScannedFile.read(path, limit: Self.maximumRecordBytes) else {
                unreadable += 1
                continue
            }
            do {
                guard let record = OSVRecord(try JSONValue.parse(text)) else { continue }
                for name in Set(record.affected.map({ Self.key($0.ecosystem, $0.name) })) { files[name, default: []].append(path) }
            } catch {
                unreadable += 1
            }
        }
        var problems = walk.problems.map { "OSV directory: \($0)" }
        if records.isEmpty { problems.append("the OSV directory \(directory) has no records") }
        if unreadable > 0 { problems.append("\(unreadable) files of the OSV directory could not be read") }
        let index = Index(stamp: stamp, files: files, problems: problems)
        indexes.withLock { $0[directory] = index }
        return index
    }
}
