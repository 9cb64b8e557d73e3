import KafkaProtocol

/// Puts a cleaned segment in the place of those that it was made from: all of it or nothing, whenever the broker or the power goes.
///
/// The cleaned files are whole and synced under names that end in `.cleaned`. `commit` gives them names that end in `.swap`, the log's last: from then on the
/// swap is decided, and says in its name up to where it goes. `finish` takes the old files out of the way, then gives the new ones their last names, again the
/// log's last. What a start finds in between is finished when it is decided and thrown away when not. Directories keep the order of renames.
struct SegmentSwap: Sendable, Equatable {
    static let cleanedSuffix = ".cleaned"
    private static let suffix = ".swap"
    private static let deletedSuffix = ".deleted"
    /// The log comes last.
    private static let order: [SegmentFile] = [.offsets, .times, .aborted, .log]

    let directory: String
    let baseOffset: Int64
    /// The old segments that begin before it, and not before `baseOffset`, go.
    let endOffset: Int64

    private func swapPath(_ file: SegmentFile) -> String {
        directory + "/" + Segment.name(baseOffset) + file.rawValue + "." + Segment.name(endOffset) + Self.suffix
    }

    private func path(_ file: SegmentFile) -> String { directory + "/" + Segment.name(baseOffset) + file.rawValue }

    /// Decides the swap. It must not be built upon before the directory is synced.
    func commit() throws(StorageError) {
        for file in Self.order { try FileSystem.rename(CleanedSegment.path(file, baseOffset, directory), to: swapPath(file)) }
    }

    /// Takes back what `commit` has done, as long as nothing was finished.
    func discard() throws(StorageError) {
        for file in Self.order.reversed() { try FileSystem.remove(swapPath(file)) }
        try CleanedSegment.remove(baseOffset, directory: directory)
    }

    /// Does what is not done yet of a swap that is decided; returns the paths of the old files, which are no part of the log any more.
    func finish() throws(StorageError) -> [String] {
        var old: [String] = []
        for name in try FileSystem.list(directory) {
            guard let (base, file) = SegmentListing.parse(name), base >= baseOffset, base < endOffset else { continue }
            // What already has its last name is new.
            if base == baseOffset && FileSystem.size(swapPath(file)) == nil { continue }
            let path = directory + "/" + name
            try FileSystem.rename(path, to: path + Self.deletedSuffix)
            old.append(path + Self.deletedSuffix)
        }
        for file in Self.order where FileSystem.size(swapPath(file)) != nil { try FileSystem.rename(swapPath(file), to: path(file)) }
        return old
    }

    /// Finishes or throws away what an earlier process left. Old files stay under names that the listing of segments removes.
    static func recover(_ directory: String) throws(StorageError) {
        let names = try FileSystem.list(directory)
        let swaps = names.compactMap { decided($0, directory) }
        for swap in swaps { _ = try swap.finish() }
        for name in names where name.hasSuffix(cleanedSuffix) || name.hasSuffix(suffix) { try FileSystem.remove(directory + "/" + name) }
        if !swaps.isEmpty { try FileSystem.sync(path: directory) }
    }

    /// The swap that a file of this name decides; nil for other files.
    private static func decided(_ name: String, _ directory: String) -> SegmentSwap? {
        guard name.hasSuffix(suffix) else { return nil }
        let parts = name.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 4, "." + parts[1] == SegmentFile.log.rawValue, let base = SegmentListing.offset(parts[0]),
            let end = SegmentListing.offset(parts[2]), base < end
        else { return nil }
        return SegmentSwap(directory: directory, baseOffset: base, endOffset: end)
    }
}
