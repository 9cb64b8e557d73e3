/// A Kubernetes quantity: `2`, `500m`, `1.5`, `2Gi`, `129M`, `1e9`.
///
/// Source of the format: Kubernetes `apimachinery/pkg/api/resource`. Negative ones are refused: no limit here can be negative.
public struct Quantity: Sendable, Hashable {
    /// The value times 1000, rounded up.
    public let thousandths: Int64

    /// The value in whole units, rounded up.
    public var units: Int64 { thousandths / 1000 + (thousandths % 1000 == 0 ? 0 : 1) }

    public static let expected = "a Kubernetes quantity such as 500m, 2, 512Mi or 2Gi"

    public init(parsing text: String) throws(LanguageError) {
        let bytes = Array(text.utf8)
        var index = 0
        func digits() -> ArraySlice<UInt8> {
            let start = index
            while index < bytes.count, (0x30...0x39).contains(bytes[index]) { index += 1 }
            return bytes[start..<index]
        }
        let whole = digits()
        var fraction: ArraySlice<UInt8> = []
        if index < bytes.count, bytes[index] == 0x2E {
            index += 1
            fraction = digits()
        }
        guard !whole.isEmpty || !fraction.isEmpty else {
            throw LanguageError(column: 1, message: "'\(text)' does not begin with a number, expected \(Self.expected)")
        }
        guard whole.count + fraction.count <= 18 else { throw LanguageError(column: 1, message: "'\(text)' has more than 18 digits") }
        let suffix = String(decoding: bytes[index...], as: UTF8.self)
        guard let scale = Self.scale(suffix) else {
            let known = Self.suffixes.map(\.0).filter { !$0.isEmpty }
            let nearest = known.first { $0.lowercased() == suffix.lowercased() || $0.lowercased() + "b" == suffix.lowercased() }
            let hint = nearest.map { "; nearest is '\($0)'" } ?? ""
            throw LanguageError(
                column: index + 1, message: "the unit '\(suffix)' is not known, expected one of \(known.joined(separator: " "))\(hint)")
        }
        // mantissa × numerator / (10^fraction digits × denominator), in thousandths, rounded up.
        var mantissa: Int128 = 0
        for digit in whole + fraction { mantissa = mantissa * 10 + Int128(digit - 0x30) }
        var divisor = scale.denominator
        for _ in fraction { divisor *= 10 }
        let (product, overflow) = (mantissa * 1000).multipliedReportingOverflow(by: scale.numerator)
        let value = overflow ? Int128.max : product / divisor + (product % divisor == 0 ? 0 : 1)
        guard let thousandths = Int64(exactly: value) else { throw LanguageError(column: 1, message: "'\(text)' is too large") }
        self.thousandths = thousandths
    }

    private static let suffixes: [(String, numerator: Int128, denominator: Int128)] = [
        ("n", 1, 1_000_000_000), ("u", 1, 1_000_000), ("m", 1, 1000), ("", 1, 1), ("k", 1000, 1), ("M", 1_000_000, 1),
        ("G", 1_000_000_000, 1), ("T", 1_000_000_000_000, 1), ("P", 1_000_000_000_000_000, 1), ("E", 1_000_000_000_000_000_000, 1),
        ("Ki", 1 << 10, 1), ("Mi", 1 << 20, 1), ("Gi", 1 << 30, 1), ("Ti", 1 << 40, 1), ("Pi", 1 << 50, 1), ("Ei", 1 << 60, 1),
    ]

    private static func scale(_ suffix: String) -> (numerator: Int128, denominator: Int128)? {
        if let known = suffixes.first(where: { $0.0 == suffix }) { return (known.numerator, known.denominator) }
        guard suffix.first == "e" || suffix.first == "E", let exponent = Int(suffix.dropFirst()), (-18...18).contains(exponent) else {
            return nil
        }
        var power: Int128 = 1
        for _ in 0..<abs(exponent) { power *= 10 }
        return exponent < 0 ? (1, power) : (power, 1)
    }
}
