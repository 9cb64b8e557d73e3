import BotKit
import Envelopes

/// A place in a topic, as a person names it: `beginning`, `end`, `-10m` (so long ago), an RFC 3339 time, or an offset.
public enum Place: Sendable, Hashable {
    case beginning
    case end
    /// The first record at this time or later.
    case time(Timestamp)
    /// From 0 up.
    case offset(Int64)

    /// Understands `text`; nil when it is no place. `now` is what `-10m` counts from.
    public static func parse(_ text: String, now: Timestamp) -> Place? {
        switch text {
        case "beginning": return .beginning
        case "end": return .end
        case _ where text.hasPrefix("-"):
            return Duration.parse(text.dropFirst()).map { .time(now.advanced(by: .zero - $0)) }
        default:
            if text.utf8.allSatisfy({ $0 >= UInt8(ascii: "0") && $0 <= UInt8(ascii: "9") }) { return Int64(text).map { .offset($0) } }
            return Timestamp.parse(text).map { .time($0) }
        }
    }
}

extension Duration {
    /// Understands `500ms`, `30s`, `10m`, `1h30m`, `2d`, `1.5s`: numbers with a unit, the larger unit first; at most 100 years. nil for any other text.
    public static func parse(_ text: some StringProtocol) -> Duration? {
        let units: [(String, milliseconds: Double)] = [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)]
        var rest = Substring(text)
        guard !rest.isEmpty, rest.utf8.count <= 32 else { return nil }
        var total = 0.0
        var last = -1
        while !rest.isEmpty {
            let number = rest.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
            let unit = rest.dropFirst(number.count).prefix { $0.isASCII && $0.isLetter }
            guard number.first?.isNumber == true, number.last?.isNumber == true, let value = Double(number),
                let index = units.firstIndex(where: { $0.0 == unit }), index > last
            else { return nil }
            total += value * units[index].milliseconds
            last = index
            rest = rest.dropFirst(number.count + unit.count)
        }
        guard total <= 100 * 366 * 86_400_000 else { return nil }
        return .milliseconds(Int64(total.rounded()))
    }
}

extension Invocation {
    /// The place that a flag names; nil when it has no value, `UsageError` when that is no place.
    public func moment(_ flag: String, now: Timestamp = .now) throws(UsageError) -> Place? {
        guard let text = self[flag] else { return nil }
        if let place = Place.parse(text, now: now) { return place }
        let hint = NearestName.of(text, in: ["beginning", "end"]).map { "; did you mean '\($0)'?" } ?? ""
        throw UsageError(
            "--\(flag) takes beginning, end, -10m (so long ago), a time such as 2026-01-31T12:00:00Z, or an offset, not '\(text)'" + hint)
    }

    /// The time that a flag gives; nil when it has no value, `UsageError` when that is none, or lies outside `range`.
    public func duration(
        _ flag: String, in range: ClosedRange<Duration> = .zero ... .seconds(366 * 86_400)
    ) throws(UsageError) -> Duration? {
        guard let text = self[flag] else { return nil }
        guard let duration = Duration.parse(text) else {
            let unit = Int(text) == nil ? "" : "; did you mean '\(text)s'?"
            throw UsageError("--\(flag) takes a time with its unit, e.g. 500ms, 30s, 10m, 1h30m, 2d, not '\(text)'" + unit)
        }
        guard range.contains(duration) else {
            let (least, most) = (HumanText.duration(range.lowerBound), HumanText.duration(range.upperBound))
            throw UsageError("--\(flag) takes a time from \(least) to \(most), not '\(text)'")
        }
        return duration
    }
}
