import Testing

@testable import Envelopes

@Suite struct TimestampTests {
    @Test func additionSaturates() {
        #expect(Timestamp(milliseconds: .max).advanced(by: .seconds(1)).milliseconds == .max)
        #expect(Timestamp(milliseconds: 5).advanced(by: .milliseconds(7)).milliseconds == 12)
    }
}
