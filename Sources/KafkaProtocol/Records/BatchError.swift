/// Why a batch of records is refused.
public struct BatchError: Error, Sendable, Equatable, CustomStringConvertible {
    /// What the client is told.
    public let code: ErrorCode
    public let reason: String

    public init(_ code: ErrorCode, _ reason: String) {
        self.code = code
        self.reason = reason
    }

    public var description: String { reason }

    /// Bytes that were damaged on their way: a client sends them again.
    static func corrupt(_ reason: String) -> BatchError { BatchError(.corruptMessage, reason) }
    /// Bytes that came as they were sent, but mean nothing.
    static func invalid(_ reason: String) -> BatchError { BatchError(.invalidRecord, reason) }
}
