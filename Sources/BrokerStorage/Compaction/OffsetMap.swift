import Glibc

/// The last offset of each key in a part of a log, in memory of a fixed size. On one thread.
final class OffsetMap {
    /// `next` is the offset and one: zero, as fresh memory is, stands for no entry.
    private struct Slot {
        var high: UInt64
        var low: UInt64
        var next: Int64
    }

    static let slotSize = MemoryLayout<Slot>.stride
    private let slots: UnsafeMutableBufferPointer<Slot>
    private let limit: Int
    private(set) var count = 0
    /// Every key up to this offset is in the map; -1 at the start.
    var latestOffset: Int64 = -1

    /// - Parameters:
    ///   - records: how many keys there can be; less memory is taken when they are few.
    ///   - maximumBytes: how much memory is taken at most. It fills up as keys come.
    init?(records: Int64, maximumBytes: Int) {
        let most = Int64(max(maximumBytes / Self.slotSize, 2))
        // A tenth stays free, so that searches end soon.
        let wanted = records < most / 10 * 9 ? max(2, records + records / 9 + 2) : most
        guard let memory = calloc(Int(wanted), Self.slotSize) else { return nil }
        slots = UnsafeMutableBufferPointer(start: memory.bindMemory(to: Slot.self, capacity: Int(wanted)), count: Int(wanted))
        limit = Int(wanted) * 9 / 10
    }

    deinit { free(slots.baseAddress) }

    /// Notes an offset, which is higher than those before it. False when there is no room for another key.
    func put(_ hash: KeyHash, _ offset: Int64) -> Bool {
        let index = place(of: hash)
        if slots[index].next == 0 {
            guard count < limit else { return false }
            count += 1
        }
        slots[index] = Slot(high: hash.high, low: hash.low, next: offset + 1)
        return true
    }

    /// Nil for a key that is not in the map.
    func offset(of hash: KeyHash) -> Int64? {
        let next = slots[place(of: hash)].next
        return next == 0 ? nil : next - 1
    }

    /// Where the key is, or would be.
    private func place(of hash: KeyHash) -> Int {
        var index = Int(hash.high % UInt64(slots.count))
        while slots[index].next != 0 && (slots[index].high != hash.high || slots[index].low != hash.low) {
            index = index + 1 == slots.count ? 0 : index + 1
        }
        return index
    }
}
