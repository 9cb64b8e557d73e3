/// Waits until a condition holds; throws when it does not within the time. Asks again each 10 ms.
public func eventually(
    _ what: String = "the condition", within limit: Duration = .seconds(60), file: StaticString = #fileID, line: UInt = #line,
    _ condition: () async throws -> Bool
) async throws {
    let deadline = ContinuousClock.now.advanced(by: limit)
    while true {
        if try await condition() { return }
        guard ContinuousClock.now < deadline else { throw TimedOut(what: what, limit: limit, place: "\(file):\(line)") }
        try await Task.sleep(for: .milliseconds(10))
    }
}

/// A condition that did not come to hold.
public struct TimedOut: Error, CustomStringConvertible {
    let what: String
    let limit: Duration
    let place: String

    public var description: String { "\(place): \(what) did not come to hold within \(limit)" }
}
