/// What one test suite came to.
public struct SuiteResult: Codable, Sendable, Equatable {
    /// The suite's name, e.g. `unit`.
    public var name: String
    /// Tests in all.
    public var total: Int
    /// Tests that passed, flaky ones included.
    public var passed: Int
    /// Tests that failed.
    public var failed: Int
    /// Tests that were skipped.
    public var skipped: Int
    /// How long it took, in seconds.
    public var durationSeconds: Double

    public init(
        name: String, total: Int, passed: Int, failed: Int, skipped: Int, durationSeconds: Double
    ) {
        self.name = name
        self.total = total
        self.passed = passed
        self.failed = failed
        self.skipped = skipped
        self.durationSeconds = durationSeconds
    }

    enum CodingKeys: String, CodingKey {
        case name, total, passed, failed, skipped
        case durationSeconds = "duration_seconds"
    }
}

/// One failed test.
public struct CaseFailure: Codable, Sendable, Equatable {
    /// The suite that it belongs to.
    public var suite: String
    /// The test's name.
    public var name: String
    /// What it said, cut to fit.
    public var message: String

    public init(
        suite: String, name: String, message: String
    ) {
        self.suite = suite
        self.name = name
        self.message = message
    }

    enum CodingKeys: String, CodingKey {
        case suite, name, message
    }
}
