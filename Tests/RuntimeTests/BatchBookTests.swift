import Kafka
import Testing

@testable import MeshRuntime

@Suite struct BatchBookTests {
    private let first = TopicPartition("t", 0)
    private let second = TopicPartition("t", 1)

    @Test func aPartitionThatIsGivenUpIsLeftOutOfWhatIsOnItsWay() {
        var book = BatchBook()
        let (one, two) = (book.give(), book.give())
        book.forget([first])
        // The partition has come back meanwhile: what is polled from now on counts.
        let three = book.give()
        #expect(book.underWay == 3)
        #expect(book.take(one) == [first])
        #expect(book.take(two) == [first])
        #expect(book.take(three) == [])
        #expect(book.underWay == 0)
    }

    @Test func givenUpTwice() {
        var book = BatchBook()
        let one = book.give()
        book.forget([first])
        let two = book.give()
        book.forget([first, second])
        let three = book.give()
        #expect(book.take(one) == [first, second])
        #expect(book.take(two) == [first, second])
        #expect(book.take(three) == [])
    }

    @Test func withNothingOnItsWayNothingIsForgotten() {
        var book = BatchBook()
        book.forget([first])
        #expect(book.take(book.give()) == [])
    }
}
