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
    let start: UnsafeMutableRawPointer

    /// Warms so many bytes, or half of what is available where that is less; nil when that is nothing, or memory cannot be had.
    init?(_ wanted: Int) throws {
        let available = try KernelFigures(path: "/proc/meminfo").kibibytes("MemAvailable") << 10
        let size = min(wanted, available / 2) / Self.piece * Self.piece
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
}
