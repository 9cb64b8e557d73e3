import Synchronization

/// The metrics of a process, and their text in Prometheus' format (version 0.0.4). Any thread.
///
/// Source of the rules for names: Prometheus' "Metric and label naming" and `promtool check metrics`.
public final class Metrics: Sendable {
    private let families = Mutex<[String: any MetricFamily]>([:])

    public init() {}

    /// A number that only grows; its name ends in `_total`. Asked for again under the same name, the same one is given.
    public func counter(_ name: String, help: String, labels: [String] = []) -> Counter {
        precondition(name.hasSuffix("_total"), "the counter \(name) must end in _total")
        return family(name, help, labels) { Counter(FamilyHead(name: name, help: help, kind: "counter", labels: labels)) }
    }

    /// A number that goes up and down.
    public func gauge(_ name: String, help: String, labels: [String] = []) -> Gauge {
        precondition(!name.hasSuffix("_total"), "the gauge \(name) must not end in _total")
        return family(name, help, labels) { Gauge(FamilyHead(name: name, help: help, kind: "gauge", labels: labels)) }
    }

    /// How many values fell below each of `buckets`, their number and sum.
    public func histogram(_ name: String, help: String, labels: [String] = [], buckets: [Double] = Histogram.seconds) -> Histogram {
        precondition(!labels.contains("le"), "the label le belongs to the buckets of \(name)")
        precondition(
            !buckets.isEmpty && buckets.count <= 64 && zip(buckets, buckets.dropFirst()).allSatisfy(<),
            "the buckets of \(name) do not ascend")
        return family(name, help, labels) {
            Histogram(FamilyHead(name: name, help: help, kind: "histogram", labels: labels), buckets: buckets)
        }
    }

    private func family<Family: MetricFamily>(_ name: String, _ help: String, _ labels: [String], _ make: () -> Family) -> Family {
        families.withLock { families in
            if let known = families[name] {
                guard let same = known as? Family, same.head.labels == labels else {
                    preconditionFailure("the metric \(name) was registered with another kind or other labels")
                }
                return same
            }
            precondition(Self.isLegal(name, colon: true), "\(name) is no legal name of a metric")
            precondition(!help.isEmpty, "the metric \(name) has no help")
            precondition(
                labels.allSatisfy { Self.isLegal($0, colon: false) && !$0.hasPrefix("__") }, "the metric \(name) has an illegal label")
            let made = make()
            families[name] = made
            return made
        }
    }

    private static func isLegal(_ name: String, colon: Bool) -> Bool {
        guard let first = name.utf8.first, !(UInt8(ascii: "0")...UInt8(ascii: "9") ~= first) else { return false }
        return name.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"),
                UInt8(ascii: "_"):
                true
            case UInt8(ascii: ":"): colon
            default: false
            }
        }
    }

    /// The content type of `text`.
    public static let contentType = "text/plain; version=0.0.4; charset=utf-8"

    /// All metrics, by name, in Prometheus' text format. A family without series gives only its head.
    public var text: String {
        let families = self.families.withLock { $0.values.sorted { $0.head.name < $1.head.name } }
        var text = ""
        for family in families {
            family.head.write(to: &text)
            family.writeSeries(to: &text)
        }
        return text
    }
}

/// All series of one name.
protocol MetricFamily: AnyObject, Sendable {
    var head: FamilyHead { get }
    func writeSeries(to text: inout String)
}

struct FamilyHead: Sendable {
    let name: String
    let help: String
    let kind: String
    let labels: [String]

    func write(to text: inout String) {
        text += "# HELP \(name) \(MetricText.escapedHelp(help))\n# TYPE \(name) \(kind)\n"
    }

    /// The series' line, with `extra` as its last label.
    func line(_ suffix: String, _ values: [String], extra: (String, String)? = nil, _ value: Double, to text: inout String) {
        text += name
        text += suffix
        var pairs = zip(labels, values).map { "\($0)=\"\(MetricText.escapedLabel($1))\"" }
        if let extra { pairs.append("\(extra.0)=\"\(extra.1)\"") }
        if !pairs.isEmpty { text += "{\(pairs.joined(separator: ","))}" }
        text += " \(MetricText.number(value))\n"
    }
}

enum MetricText {
    static func escapedHelp(_ text: String) -> String { text.replacing("\\", with: "\\\\").replacing("\n", with: "\\n") }

    static func escapedLabel(_ text: String) -> String {
        text.replacing("\\", with: "\\\\").replacing("\n", with: "\\n").replacing("\"", with: "\\\"")
    }

    static func number(_ value: Double) -> String {
        if value.isNaN { return "NaN" }
        if value.isInfinite { return value < 0 ? "-Inf" : "+Inf" }
        if let whole = Int64(exactly: value) { return String(whole) }
        return value.description
    }
}
