import Envelopes
import Terminal

/// How fast a replay goes.
enum ReplayPace: Equatable {
    case unlimited
    /// Records a second.
    case rate(Double)
    /// By the original gaps, so many times as fast.
    case speed(Double)

    init(rate: Int?, speed: String?) throws(UsageError) {
        switch (rate, speed) {
        case (nil, nil): self = .unlimited
        case (let rate?, nil): self = .rate(Double(rate))
        case (nil, let speed?):
            guard let factor = Double(speed.hasSuffix("x") ? String(speed.dropLast()) : speed), factor.isFinite, factor >= 0.001,
                factor <= 1e6
            else { throw UsageError("--speed takes a factor such as 10x or 0.5x, from 0.001x to 1000000x, not '\(speed)'") }
            self = .speed(factor)
        case (.some, .some): throw UsageError("--rate and --speed exclude each other")
        }
    }

    /// When record number `number` (from 0) is due, in milliseconds after the first. `time` and `first` are the records' own times.
    func due(number: Int, time: Int64, first: Int64) -> Int64 {
        switch self {
        case .unlimited: return 0
        case .rate(let rate): return Int64(Double(number) / rate * 1000)
        case .speed(let factor):
            let (gap, overflow) = time.subtractingReportingOverflow(first)
            return overflow || time < 0 || first < 0 ? 0 : Int64(min(Double(max(0, gap)) / factor, 1e15))
        }
    }

    /// How long `count` records take; nil where only Kafka limits it.
    func estimate(count: Int, first: Int64, last: Int64) -> Duration? {
        switch self {
        case .unlimited: nil
        case .rate, .speed: .milliseconds(count == 0 ? 0 : due(number: count - 1, time: last, first: first))
        }
    }
}
