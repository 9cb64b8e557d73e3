extension UnsafeBufferPointer<UInt8> {
    /// Whether they stand in a JSON string as they are: ASCII without control characters, quotes and backslashes.
    var isPlainJSON: Bool {
        allWords(
            { word in word & Word.tops | Word.below(0x20, word) | Word.equal(0x22, word) | Word.equal(0x5c, word) },
            { $0 >= 0x20 && $0 < 0x80 && $0 != 0x22 && $0 != 0x5c })
    }

    /// Whether they show no control character to a terminal. C2 begins those beyond ASCII, and some letters: false is no certainty.
    var isSurelyPrintable: Bool {
        allWords(
            { word in Word.below(0x20, word) | Word.equal(0x7f, word) | Word.equal(0xc2, word) },
            { $0 >= 0x20 && $0 != 0x7f && $0 != 0xc2 })
    }

    /// Whether all are ASCII, and no control character but the last, DEL.
    var isPlainASCII: Bool { allWords({ word in word & Word.tops | Word.below(0x20, word) }, { $0 >= 0x20 && $0 < 0x80 }) }

    /// Whether no line end is among them.
    var isOneLine: Bool {
        allWords({ word in Word.equal(0x0a, word) | Word.equal(0x0d, word) }, { $0 != 0x0a && $0 != 0x0d })
    }

    /// Eight bytes at once, and what is left one by one; `bad` has the top bit of a byte set where any is not as it shall be.
    @inline(__always) private func allWords(_ bad: (UInt64) -> UInt64, _ isGood: (UInt8) -> Bool) -> Bool {
        guard let start = baseAddress.map({ UnsafeRawPointer($0) }) else { return true }
        var place = 0
        while place + 8 <= count {
            if bad(start.loadUnaligned(fromByteOffset: place, as: UInt64.self)) & Word.tops != 0 { return false }
            place += 8
        }
        while place < count {
            guard isGood(self[place]) else { return false }
            place += 1
        }
        return true
    }
}

/// Eight bytes in a word. What these give has the top bit of some byte set where any byte is meant; which one is not exact, whether there is one is.
/// Source of the arithmetic: Sean Eron Anderson, "Bit Twiddling Hacks".
private enum Word {
    static let ones: UInt64 = 0x0101_0101_0101_0101
    static let tops: UInt64 = 0x8080_8080_8080_8080

    /// `limit` is at most 0x80.
    @inline(__always) static func below(_ limit: UInt64, _ word: UInt64) -> UInt64 { (word &- ones &* limit) & ~word & tops }

    @inline(__always) static func equal(_ byte: UInt64, _ word: UInt64) -> UInt64 {
        let rest = word ^ (ones &* byte)
        return (rest &- ones) & ~rest & tops
    }
}
