import BotKit
import Envelopes
import FoundationEssentials
import Glibc

/// A directory target on disk: `releases/<deploy id>`, the symlinks `current` and `previous`, and `history.json`.
///
/// Every operation can be repeated after a crash at any point.
struct ReleaseDirectory: Sendable {
    let root: String

    init(root: String) throws(FileError) {
        self.root = root
        try Files.makeDirectories("\(root)/releases")
    }

    func path(of release: String) -> String { "\(root)/releases/\(release)" }
    /// Where a release is unpacked before it counts as one.
    func partialPath(of release: String) -> String { "\(root)/releases/.\(release).partial" }
    func has(_ release: String) -> Bool { Files.exists(path(of: release)) }

    /// Name of the live release.
    func current() throws(FileError) -> String? { try Self.name(Files.link("\(root)/current")) }
    /// Name of the release that was live before.
    func previous() throws(FileError) -> String? { try Self.name(Files.link("\(root)/previous")) }

    /// A name that is one path component, and no hidden one.
    static func isLegal(_ release: String) -> Bool {
        (1...128).contains(release.utf8.count)
            && release.utf8.allSatisfy { byte in
                (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte) || byte == 0x5F || byte == 0x2D
            }
    }

    /// Makes an empty directory for a release to be unpacked into.
    func beginRelease(_ release: String) throws(FileError) {
        try removeTree(partialPath(of: release))
        guard mkdir(partialPath(of: release), 0o755) == 0 else { throw FileError("cannot make \(partialPath(of: release))") }
    }

    /// What was unpacked becomes the release, in one step.
    func finishRelease(_ release: String) throws(FileError) {
        guard rename(partialPath(of: release), path(of: release)) == 0 else { throw FileError("cannot make the release \(release)") }
    }

    /// Makes a release the live one; gives the one that was live before it.
    func makeLive(_ release: String) throws(FileError) -> String? {
        let live = try current()
        if live == release { return try previous() }
        if let live {
            try Files.setLink("\(root)/previous", to: "releases/\(live)")
        } else {
            try Files.remove("\(root)/previous")
        }
        try Files.setLink("\(root)/current", to: "releases/\(release)")
        return live
    }

    /// Goes back to an earlier release, or to none.
    func goBack(to release: String?) throws(FileError) {
        if let release {
            try Files.setLink("\(root)/current", to: "releases/\(release)")
        } else {
            try Files.remove("\(root)/current")
        }
        try Files.remove("\(root)/previous")
    }

    /// Removes the oldest releases beyond `count`; never the live one and the one before it.
    func prune(keeping count: Int) throws(FileError) {
        let kept = [try current(), try previous()]
        var releases: [(name: String, time: Int)] = []
        for name in Files.names(in: "\(root)/releases") where !name.hasPrefix(".") {
            var status = stat()
            if lstat(path(of: name), &status) == 0 { releases.append((name, Int(status.st_ctim.tv_sec))) }
        }
        releases.sort { ($0.time, $0.name) < ($1.time, $1.name) }
        let surplus = releases.count - count
        guard surplus > 0 else { return }
        for (name, _) in releases.filter({ !kept.contains($0.name) }).prefix(surplus) { try removeTree(path(of: name)) }
    }

    func removeTree(_ path: String) throws(FileError) {
        guard Files.exists(path) else { return }
        do {
            try FileManager.default.removeItem(atPath: path)
        } catch {
            throw FileError("cannot remove \(path): \(error)", number: EIO)
        }
    }

    // MARK: - History

    struct HistoryEntry: Codable, Equatable {
        enum Change: String, Codable {
            case live
            case rolledBack = "rolled_back"
        }
        var deployID: String
        var change: Change
        var repository: String?
        var commit: String?
        var at: String
        var reason: String?
        var emergencyReason: String?

        enum CodingKeys: String, CodingKey {
            case deployID = "deploy_id"
            case change, repository, commit, at, reason
            case emergencyReason = "emergency_reason"
        }
    }

    private static let maximumHistory = 200

    func history() throws(FileError) -> [HistoryEntry] {
        guard let bytes = try Files.read("\(root)/history.json", limit: 4 << 20) else { return [] }
        do {
            return try JSONDecoder().decode([HistoryEntry].self, from: Data(bytes))
        } catch {
            throw FileError("\(root)/history.json is not readable; move it away", number: EINVAL)
        }
    }

    /// Adds an entry, unless the last one of that deploy tells the same change.
    func note(_ entry: HistoryEntry) throws(FileError) {
        var entries = try history()
        if entries.last(where: { $0.deployID == entry.deployID })?.change == entry.change { return }
        entries.append(entry)
        entries.removeFirst(max(0, entries.count - Self.maximumHistory))
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        do {
            try Files.write(Array(try encoder.encode(entries)), to: "\(root)/history.json")
        } catch let error as FileError {
            throw error
        } catch {
            throw FileError("cannot write the history", number: EINVAL)
        }
    }

    /// `releases/<name>` → name; nil for anything else.
    private static func name(_ target: String?) -> String? {
        guard let target, target.hasPrefix("releases/") else { return nil }
        let name = String(target.dropFirst(9))
        return isLegal(name) ? name : nil
    }
}
