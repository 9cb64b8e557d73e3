/// Figures as people read them.
public enum HumanText {
    /// With a comma for each thousand: `12,345`.
    public static func count(_ number: some BinaryInteger) -> String {
        let digits = String(number.magnitude)
        var text = ""
        for (index, digit) in digits.enumerated() {
            if index > 0, (digits.count - index).isMultiple(of: 3) { text.append(",") }
            text.append(digit)
        }
        return number < 0 ? "-" + text : text
    }

    /// Bytes in powers of 1024 with three digits: `512 B`, `1.50 KiB`, `23.4 MiB`.
    public static func bytes(_ number: some BinaryInteger) -> String {
        var value = Double(number)
        var unit = 0
        let units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"]
        while value.magnitude >= 1024, unit < units.count - 1 {
            value /= 1024
            unit += 1
        }
        return unit == 0 ? "\(number) B" : "\(digits(value)) \(units[unit])"
    }

    /// Records a second, or what else is counted: `0`, `3.2`, `12,345`.
    public static func rate(_ perSecond: Double) -> String {
        guard perSecond.isFinite, perSecond.magnitude < 1e15 else { return "?" }
        if perSecond == 0 { return "0" }
        return perSecond.magnitude >= 100 ? count(Int64(perSecond.rounded())) : fixed(perSecond, decimals: perSecond.magnitude < 10 ? 1 : 0)
    }

    /// The two largest units: `350 ms`, `4.2 s`, `5 s`, `3 m 20 s`, `2 h 5 m`, `3 d 4 h`.
    public static func duration(_ duration: Duration) -> String {
        if duration < .zero { return "-" + self.duration(.zero - duration) }
        let (seconds, attoseconds) = duration.components
        if seconds == 0 { return attoseconds == 0 ? "0 s" : "\(max(1, attoseconds / 1_000_000_000_000_000)) ms" }
        if seconds < 10, attoseconds != 0 { return fixed(Double(seconds) + Double(attoseconds) / 1e18, decimals: 1) + " s" }
        func pair(_ large: Int64, _ largeUnit: String, _ small: Int64, _ smallUnit: String) -> String {
            small == 0 ? "\(large) \(largeUnit)" : "\(large) \(largeUnit) \(small) \(smallUnit)"
        }
        switch seconds {
        case ..<60: return "\(seconds) s"
        case ..<3600: return pair(seconds / 60, "m", seconds % 60, "s")
        case ..<86_400: return pair(seconds / 3600, "h", seconds % 3600 / 60, "m")
        default: return pair(seconds / 86_400, "d", seconds % 86_400 / 3600, "h")
        }
    }

    /// With so many decimals, 0 to 6; for magnitudes below 10^12.
    public static func fixed(_ value: Double, decimals: Int) -> String {
        guard value.isFinite, value.magnitude < 1e12 else { return "?" }
        var scale: Int64 = 1
        for _ in 0..<min(6, max(0, decimals)) { scale *= 10 }
        let scaled = Int64((value.magnitude * Double(scale)).rounded())
        let sign = value < 0 && scaled != 0 ? "-" : ""
        guard scale > 1 else { return "\(sign)\(scaled)" }
        let rest = String(scaled % scale)
        return "\(sign)\(scaled / scale)." + String(repeating: "0", count: min(6, decimals) - rest.count) + rest
    }

    private static func digits(_ value: Double) -> String {
        fixed(value, decimals: value.magnitude < 10 ? 2 : value.magnitude < 100 ? 1 : 0)
    }
}
