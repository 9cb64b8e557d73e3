/// Tables in markdown, and numbers as people read them.
enum BenchTable {
    static func markdown(_ head: [String], _ rows: [[String]]) -> String {
        ([head, head.map { _ in "---" }] + rows).map { "| " + $0.joined(separator: " | ") + " |" }.joined(separator: "\n")
    }

    /// With a comma between thousands.
    static func whole(_ value: Double) -> String {
        let digits = String(Int(value.rounded()).magnitude)
        var text = ""
        for (index, digit) in digits.enumerated() {
            if index > 0, (digits.count - index) % 3 == 0 { text += "," }
            text.append(digit)
        }
        return (value < -0.5 ? "-" : "") + text
    }

    /// Two decimals, cut: never more than it was.
    static func ratio(_ value: Double, to other: Double?) -> String {
        guard let other, other > 0 else { return "" }
        return decimal((value / other * 100).rounded(.down) / 100)
    }

    /// Two decimals.
    static func decimal(_ value: Double) -> String {
        let hundredths = Int((value * 100).rounded())
        let (whole, rest) = hundredths.magnitude.quotientAndRemainder(dividingBy: 100)
        return "\(hundredths < 0 ? "-" : "")\(whole).\(rest < 10 ? "0" : "")\(rest)"
    }

    /// Median and range.
    static func spread(_ values: [Double], _ text: (Double) -> String) -> String {
        guard let median = Rounds.median(values), let least = values.min(), let most = values.max() else { return "void" }
        return values.count == 1 ? text(median) : "\(text(median)) (\(text(least)) to \(text(most)))"
    }
}
