import BotKit

/// Metrics in Prometheus' text format 0.0.4, and OpenMetrics as far as both are alike. Source: prometheus.io, "Exposition formats".
struct PrometheusText: Sendable {
    struct Sample: Sendable, Equatable {
        let name: String
        let labels: [String: String]
        let value: Double
    }

    private(set) var samples: [Sample] = []

    /// More samples of one page are not read.
    static let maximumSamples = 200_000
    static let maximumLabels = 64

    /// What is wrong with a page, and where.
    struct FormatError: Error, Equatable {
        let line: Int
        let reason: String
    }

    /// - Parameter names: the metrics that matter; nil: all.
    init(parsing text: [UInt8], names: Set<String>? = nil) throws(FormatError) {
        for (index, line) in text.split(separator: 0x0a, omittingEmptySubsequences: false).enumerated() {
            var reader = LineReader(bytes: line)
            reader.skipSpace()
            guard let first = reader.next, first != UInt8(ascii: "#") else { continue }
            let name = reader.name(colon: true)
            guard !name.isEmpty else { throw FormatError(line: index + 1, reason: "a metric's name was expected") }
            if let names, !names.contains(name) { continue }
            reader.skipSpace()
            let labels = try Self.labels(&reader, line: index + 1)
            reader.skipSpace()
            guard let value = Self.number(reader.word()) else { throw FormatError(line: index + 1, reason: "a number was expected") }
            reader.skipSpace()
            // A timestamp may follow, and in OpenMetrics an exemplar.
            if let next = reader.next, next != UInt8(ascii: "#"), Self.number(reader.word()) == nil {
                throw FormatError(line: index + 1, reason: "a timestamp was expected")
            }
            guard samples.count < Self.maximumSamples else {
                throw FormatError(line: index + 1, reason: "more than \(Self.maximumSamples) samples")
            }
            samples.append(Sample(name: name, labels: labels, value: value))
        }
    }

    private static func labels(_ reader: inout LineReader, line: Int) throws(FormatError) -> [String: String] {
        guard reader.take(UInt8(ascii: "{")) else { return [:] }
        var labels: [String: String] = [:]
        while true {
            reader.skipSpace()
            if reader.take(UInt8(ascii: "}")) { return labels }
            let name = reader.name(colon: false)
            reader.skipSpace()
            guard !name.isEmpty, reader.take(UInt8(ascii: "=")) else { throw FormatError(line: line, reason: "a label was expected") }
            reader.skipSpace()
            guard let value = reader.quoted() else { throw FormatError(line: line, reason: "a label's value in quotes was expected") }
            guard labels.updateValue(value, forKey: name) == nil else { throw FormatError(line: line, reason: "a label twice") }
            guard labels.count <= maximumLabels else { throw FormatError(line: line, reason: "more than \(maximumLabels) labels") }
            reader.skipSpace()
            if reader.take(UInt8(ascii: ",")) { continue }
            guard reader.take(UInt8(ascii: "}")) else { throw FormatError(line: line, reason: "a , or } was expected") }
            return labels
        }
    }

    private static func number(_ text: String) -> Double? {
        switch text {
        case "+Inf", "Inf": .infinity
        case "-Inf": -.infinity
        case "NaN": .nan
        default: text.utf8.allSatisfy { ByteSet.digits.contains($0) || "+-.eE".utf8.contains($0) } ? Double(text) : nil
        }
    }

    /// One number for a selector; nil where no sample fits, or one of those that fit is not finite.
    func value(_ selector: MetricSelector) -> Double? {
        let values = samples.filter { sample in
            sample.name == selector.metric && selector.labels.allSatisfy { sample.labels[$0.key] == $0.value }
        }.map(\.value)
        guard !values.isEmpty, values.allSatisfy(\.isFinite) else { return nil }
        return switch selector.aggregation {
        case .sum: values.reduce(0, +)
        case .max: values.max()
        case .min: values.min()
        case .average: values.reduce(0, +) / Double(values.count)
        case .count: Double(values.count)
        }
    }
}

/// Reads one line from left to right.
private struct LineReader {
    let bytes: ArraySlice<UInt8>
    private var position: Int

    init(bytes: ArraySlice<UInt8>) {
        self.bytes = bytes.last == 0x0d ? bytes.dropLast() : bytes
        position = bytes.startIndex
    }

    var next: UInt8? { position < bytes.endIndex ? bytes[position] : nil }

    mutating func skipSpace() { while let byte = next, byte == 0x20 || byte == 0x09 { position += 1 } }

    mutating func take(_ byte: UInt8) -> Bool {
        guard next == byte else { return false }
        position += 1
        return true
    }

    mutating func name(colon: Bool) -> String {
        let start = position
        while let byte = next, ByteSet.word.contains(byte) || (colon && byte == UInt8(ascii: ":")) {
            if position == start, ByteSet.digits.contains(byte) { break }
            position += 1
        }
        return String(decoding: bytes[start..<position], as: UTF8.self)
    }

    mutating func word() -> String {
        let start = position
        while let byte = next, byte != 0x20, byte != 0x09 { position += 1 }
        return String(decoding: bytes[start..<position], as: UTF8.self)
    }

    /// A text in quotes with the escapes `\\`, `\"` and `\n`.
    mutating func quoted() -> String? {
        guard take(UInt8(ascii: "\"")) else { return nil }
        var text: [UInt8] = []
        while let byte = next {
            position += 1
            switch byte {
            case UInt8(ascii: "\""): return String(decoding: text, as: UTF8.self)
            case UInt8(ascii: "\\"):
                guard let escaped = next else { return nil }
                position += 1
                text.append(escaped == UInt8(ascii: "n") ? 0x0a : escaped)
            default: text.append(byte)
            }
        }
        return nil
    }
}
