/// The order and the middle of rounds.
enum Rounds {
    /// The order of round `number` (from 0): each contestant is first in turn.
    static func order<Element>(_ elements: [Element], round number: Int) -> [Element] {
        guard !elements.isEmpty else { return [] }
        let first = number % elements.count
        return Array(elements[first...] + elements[..<first])
    }

    /// The middle one; the mean of the two in the middle of an even number. nil when there are none.
    static func median(_ values: [Double]) -> Double? {
        guard !values.isEmpty else { return nil }
        let sorted = values.sorted()
        let middle = sorted.count / 2
        return sorted.count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
    }

    /// The value that `part` of the values do not exceed; nil when there are none.
    static func percentile(_ part: Double, ofSorted values: [Double]) -> Double? {
        guard !values.isEmpty else { return nil }
        let rank = Int((Double(values.count) * part).rounded(.up))
        return values[min(values.count - 1, max(0, rank - 1))]
    }
}
