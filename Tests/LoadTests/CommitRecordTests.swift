import Kafka
import Testing

@testable import meshload

/// The records of Kafka's own topic of commits.
@Suite struct CommitRecordTests {
    @Test func aCommitIsReadAsKafkaWritesIt() throws {
        let key: [UInt8] = [0, 1, 0, 1, 0x67, 0, 2, 0x74, 0x6f, 0, 0, 0, 3]
        let value: [UInt8] =
            [0, 3, 0, 0, 0, 0, 0, 0, 1, 0, 0xff, 0xff, 0xff, 0xff, 0, 4, 0x6d, 0x31, 0x3a, 0x31] + [UInt8](repeating: 0, count: 8)
        let commit = try #require(try CommitRecord(key: key, value: value))
        #expect((commit.group, commit.topic, commit.partition) == ("g", "to", 3))
        #expect(commit.value == CommitRecord.Value(offset: 256, metadata: "m1:1"))
        #expect(try #require(try CommitRecord(key: key, value: nil)).value == nil)
        // Of a group's members, and of a kind that is not known.
        #expect(try CommitRecord(key: [0, 2, 0, 1, 0x67], value: value) == nil)
        // "hello".hashCode() is 99162322 in Java, and that of this other text the lowest number, which has no positive one.
        #expect(CommitRecord.partition(of: "hello", among: 50) == 22)
        #expect(CommitRecord.partition(of: "polygenelubricants", among: 50) == 0)
    }
}
