/// The text that a commit carries: the ranges that are finished above the committed offset.
///
/// `m1:` and then, for each range, `GAP` or `GAP-LENGTH`, separated by commas, in base 36; a gap counts from the end of the range before (the first
/// from the committed offset), and a length of 1 is left out. Anything else is somebody else's text and means: none.
public enum CommitMetadata {
    static let prefix = "m1:"

    public static func text(committed: Int64, finished: [ClosedRange<Int64>]) -> String {
        guard !finished.isEmpty else { return "" }
        var text = prefix
        var end = committed
        for range in finished {
            if end != committed || text != prefix { text += "," }
            text += String(range.lowerBound - end, radix: 36)
            let length = range.upperBound - range.lowerBound + 1
            if length > 1 { text += "-" + String(length, radix: 36) }
            end = range.upperBound + 1
        }
        return text
    }

    /// The ranges in `text`; empty for a text that this mesh did not write.
    public static func finished(committed: Int64, in text: String) -> [ClosedRange<Int64>] {
        guard text.hasPrefix(prefix) else { return [] }
        var ranges: [ClosedRange<Int64>] = []
        var end = committed
        for part in text.dropFirst(prefix.count).split(separator: ",", omittingEmptySubsequences: false) {
            let numbers = part.split(separator: "-", omittingEmptySubsequences: false)
            guard (1...2).contains(numbers.count), let gap = number(numbers[0]), gap >= 0 else { return [] }
            let length = numbers.count == 2 ? number(numbers[1]) : 1
            let (start, overflow) = end.addingReportingOverflow(gap)
            guard let length, length >= 1, !overflow, start < Int64.max - length else { return [] }
            // A range that touches the one before would have been written as one with it, unless a gap of unread offsets closed later.
            ranges.append(start...(start + length - 1))
            end = start + length
        }
        return ranges
    }

    /// How many base-36 digits a number up to `value` takes.
    static func digits(in value: Int64) -> Int {
        var digits = 1
        var rest = value / 36
        while rest > 0 {
            digits += 1
            rest /= 36
        }
        return digits
    }

    private static func number(_ text: Substring) -> Int64? {
        guard let first = text.utf8.first, first != UInt8(ascii: "+") else { return nil }
        return Int64(text, radix: 36)
    }
}
