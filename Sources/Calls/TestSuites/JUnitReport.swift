/// What a JUnit XML file says, test by test.
public struct JUnitReport: Sendable, Equatable {
    public enum Status: String, Sendable { case passed, failed, skipped }

    public struct Case: Sendable, Equatable {
        /// May be empty.
        public var className: String
        public var name: String
        public var status: Status
        /// Why it failed; empty otherwise.
        public var message: String
        public var seconds: Double
        /// Its runner itself ran it again, and it passed then (Surefire's `flakyFailure`).
        public var isFlaky: Bool

        public init(className: String, name: String, status: Status, message: String = "", seconds: Double = 0, isFlaky: Bool = false) {
            self.className = className
            self.name = name
            self.status = status
            self.message = message
            self.seconds = seconds
            self.isFlaky = isFlaky
        }

        /// Class and name, as most runners take it.
        public var fullName: String { className.isEmpty || name.hasPrefix(className) ? name : "\(className).\(name)" }
    }

    public var cases: [Case]

    public init(cases: [Case]) { self.cases = cases }

    /// The largest file that is read, in bytes.
    public static let maximumBytes = 32 << 20
    /// The most tests that one file may have.
    public static let maximumCases = 200_000
    /// Names and messages are cut here, in bytes.
    static let maximumTextBytes = 4096

    public struct Problem: Error, Sendable, Equatable, CustomStringConvertible {
        public let description: String
    }

    public init(parsing bytes: [UInt8]) throws(Problem) {
        guard bytes.count <= Self.maximumBytes else { throw Problem(description: "larger than \(Self.maximumBytes) bytes") }
        let reader = JUnitReader()
        do throws(XMLEvents.Problem) {
            try XMLEvents.parse(bytes, reader)
        } catch {
            throw Problem(description: error.description)
        }
        guard reader.hasRoot else { throw Problem(description: "not a JUnit report: its root is neither testsuites nor testsuite") }
        guard reader.cases.count <= Self.maximumCases else { throw Problem(description: "more than \(Self.maximumCases) tests") }
        cases = reader.cases
    }

    /// The same as XML, one suite.
    public static func xml(_ suites: [(name: String, cases: [Case])]) -> String {
        var text = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n"
        for suite in suites {
            let failed = suite.cases.count { $0.status == .failed }
            let skipped = suite.cases.count { $0.status == .skipped }
            text +=
                "  <testsuite name=\"\(escape(suite.name))\" tests=\"\(suite.cases.count)\" failures=\"\(failed)\" errors=\"0\" skipped=\"\(skipped)\">\n"
            for test in suite.cases {
                text += "    <testcase classname=\"\(escape(test.className))\" name=\"\(escape(test.name))\" time=\"\(test.seconds)\""
                switch (test.status, test.isFlaky) {
                case (.failed, _): text += "><failure message=\"\(escape(test.message))\"/></testcase>\n"
                case (.skipped, _): text += "><skipped/></testcase>\n"
                case (.passed, true): text += "><flakyFailure message=\"\(escape(test.message))\"/></testcase>\n"
                case (.passed, false): text += "/>\n"
                }
            }
            text += "  </testsuite>\n"
        }
        return text + "</testsuites>\n"
    }

    private static func escape(_ text: String) -> String {
        var escaped = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": escaped += "&amp;"
            case "<": escaped += "&lt;"
            case ">": escaped += "&gt;"
            case "\"": escaped += "&quot;"
            case "\n": escaped += "&#10;"
            case "\t": escaped += "&#9;"
            // XML 1.0 has no other control characters, and neither of these two.
            case _ where scalar.value < 0x20 || scalar.value == 0xfffe || scalar.value == 0xffff: escaped += "?"
            default: escaped.unicodeScalars.append(scalar)
            }
        }
        return escaped
    }
}

/// Collects the cases. Source of the format: the `testsuites > testsuite > testcase` that JUnit, pytest, Surefire, Swift and others write.
private final class JUnitReader: XMLEvents.Handler {
    var cases: [JUnitReport.Case] = []
    var hasRoot = false
    private var depth = 0
    private var current: JUnitReport.Case?
    /// Inside `failure` or `error`, whose text belongs to the message.
    private var message: [UInt8]?

    func start(_ name: String, _ attributes: [String: String]) {
        depth += 1
        if depth == 1 { hasRoot = name == "testsuites" || name == "testsuite" }
        switch name {
        case "testcase":
            current = JUnitReport.Case(
                className: cut(attributes["classname"] ?? ""), name: cut(attributes["name"] ?? ""), status: .passed,
                seconds: Self.seconds(attributes["time"]))
        case "failure", "error":
            guard current != nil else { return }
            current?.status = .failed
            note(attributes["message"] ?? attributes["type"] ?? "")
            message = []
        case "skipped":
            if current?.status == .passed { current?.status = .skipped }
        case "flakyFailure", "flakyError":
            current?.isFlaky = true
            note(attributes["message"] ?? "")
        default: break
        }
    }

    func text(_ bytes: UnsafeRawBufferPointer) {
        guard let count = message?.count, count < JUnitReport.maximumTextBytes else { return }
        message?.append(contentsOf: bytes.prefix(JUnitReport.maximumTextBytes - count))
    }

    func end(_ name: String) {
        depth -= 1
        switch name {
        case "failure", "error":
            if let bytes = message { note(String(decoding: bytes, as: UTF8.self)) }
            message = nil
        case "testcase":
            if let current, cases.count <= JUnitReport.maximumCases { cases.append(current) }
            current = nil
        default: break
        }
    }

    /// Adds to the message what it does not say yet.
    private func note(_ text: String) {
        let trimmed = text.trimmingPrefix { $0.isWhitespace }
        guard !trimmed.isEmpty, let current, !current.message.contains(trimmed) else { return }
        let joined = current.message.isEmpty || trimmed.hasPrefix(current.message) ? String(trimmed) : current.message + "\n" + trimmed
        self.current?.message = cut(joined)
    }

    private func cut(_ text: String) -> String {
        guard text.utf8.count > JUnitReport.maximumTextBytes else { return text }
        return String(decoding: Array(text.utf8.prefix(JUnitReport.maximumTextBytes)), as: UTF8.self)
    }

    /// Some runners write `1,234.5`.
    private static func seconds(_ text: String?) -> Double {
        guard let value = Double((text ?? "").filter { $0 != "," }), value.isFinite, value >= 0, value < 1e9 else { return 0 }
        return value
    }
}
