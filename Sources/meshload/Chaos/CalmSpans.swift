/// When nothing was amiss: before the first fault, and from the healing of each to the beginning of the next, in seconds of the monotonic clock.
struct CalmSpans {
    private var closed: [Range<Double>] = []
    private var held: Set<Hold> = []
    /// Since when nothing is amiss, or will be.
    private var begin: Double

    init(from start: Double) { begin = start }

    /// A step of the plan, which took its time.
    mutating func note(_ fault: Fault, from began: Double, to done: Double) {
        if held.isEmpty, begin < began { closed.append(begin..<began) }
        begin = max(begin, done + fault.secondsUnseen)
        if let hold = fault.holds { held.insert(hold) }
        if let hold = fault.heals { held.remove(hold) }
    }

    /// All of them; the last has no end.
    var all: [Range<Double>] { held.isEmpty ? closed + [begin..<Double.infinity] : closed }
}
