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

    @Test func verifyFindsAResultThatIsLateUnlessItSaysSo() {
        func isRight(mayBeLate: Bool) -> Bool {
            var comparison = Comparison(mode: .exactlyOnce)
            func content(_ number: Int64) -> PassedContent { PassedContent(repository: "a", sequence: number) }
            for number in [1, 2] as [Int64] { comparison.request(id: "\(number)", key: nil, content: content(number)) }
            comparison.result(id: "r2", cause: "2", key: nil, content: content(2))
            comparison.result(id: "r1", cause: "1", key: nil, content: content(1), mayBeLate: mayBeLate)
            return comparison.isRight
        }
        #expect(isRight(mayBeLate: true))
        #expect(!isRight(mayBeLate: false))
    }
}
