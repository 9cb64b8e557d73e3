import FoundationEssentials
import Glibc

/// Free memory that a hypervisor does not take back while something is measured.
///
/// A virtual machine that reports free pages gives blocks of 2 MiB that lie free back to its host within seconds, and each page of one that is used again is
/// fetched from there: 18 µs where a page that the machine still has costs 1.2. Whoever runs then pays for it, the broker's page cache most of all. So memory
/// is written once, and freed again but for one page in each `piece`: hardly any free block is large enough to be given back, unless the kernel compacts them.
final class WarmMemory {
    /// Bytes between two pages that are kept.
    static let piece = 256 << 10
    /// Bytes that were warmed.
    let size: Int
    private let start: UnsafeMutableRawPointer

    /// Warms so many bytes, or half of what is available where that is less; nil when that is nothing, or memory cannot be had.
    init?(_ wanted: Int) {
        let size = min(wanted, Self.available / 2) / Self.piece * Self.piece
        guard size > 0, let start = mmap(nil, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0),
            start != MAP_FAILED
        else { return nil }
        (self.start, self.size) = (start, size)
        // A huge page would be kept or freed whole.
        madvise(start, size, MADV_NOHUGEPAGE)
        let page = sysconf(Int32(_SC_PAGESIZE))
        for place in stride(from: 0, to: size, by: page) { start.storeBytes(of: 1, toByteOffset: place, as: UInt8.self) }
        for place in stride(from: 0, to: size, by: Self.piece) { madvise(start + place + page, Self.piece - page, MADV_DONTNEED) }
    }

    deinit { munmap(start, size) }

    /// Pages of it that this process has; nil when the system does not say.
    var keptPages: Int? {
        var present = [UInt8](repeating: 0, count: size / sysconf(Int32(_SC_PAGESIZE)))
        guard mincore(start, size, &present) == 0 else { return nil }
        return present.count { $0 & 1 == 1 }
    }

    /// Bytes that programs may still take; 0 where the system does not say.
    private static var available: Int {
        let lines = (FileManager.default.contents(atPath: "/proc/meminfo") ?? Data()).split(separator: UInt8(ascii: "\n"))
        let line = lines.map { String(decoding: $0, as: UTF8.self) }.first { $0.hasPrefix("MemAvailable:") }
        return (line?.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0) << 10
    }
}
