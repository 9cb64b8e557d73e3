import KafkaProtocol

/// A request that a test can have answered with an error without its being handled.
protocol FailableRequest: APIRequest {
    func failed(_ error: Int16) -> Response
}

public enum FailableAPI {
    typealias Failure = (RequestHeader, MessageReader, ErrorCode) throws -> [MessageWriter.Part]

    nonisolated(unsafe) static let all: [APIKey: Failure] = [:]
}
