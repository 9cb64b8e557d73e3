import MeshRuntime
import Testing

@testable import meshload

/// The checker of load tests.
@Suite struct VerifyTests {
    @Test(arguments: [DeliveryMode.exactlyOnce, .atLeastOnce]) func verifyFindsAResultThatSaysOtherThanItsRequest(mode: DeliveryMode) {
        func isRight(_ sequence: Int64, _ repository: String) -> Bool {
            var comparison = Comparison(mode: mode)
            comparison.request(id: "1", key: nil, content: PassedContent(repository: "a", sequence: 1))
            comparison.result(id: "r", cause: "1", key: nil, content: PassedContent(repository: repository, sequence: sequence))
            return comparison.isRight
        }
        #expect(isRight(1, "a"))
        #expect(!isRight(2, "a"))
        #expect(!isRight(1, "b"))
    }
}
