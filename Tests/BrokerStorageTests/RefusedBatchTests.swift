import KafkaProtocol
import Testing

@testable import BrokerStorage

struct RefusedBatchTests {
    private func refusal(_ bytes: [UInt8], _ settings: LogSettings = LogSettings()) throws -> ErrorCode? {
        let test = try TestStore()
        let log = try test.open("t", 0, settings)
        do throws(ErrorCode) {
            try log.append(bytes)
            return nil
        } catch {
            #expect(log.endOffset == 0 && log.size == 0)
            return error
        }
    }

    private func changed(_ change: (inout RecordBatchHeader) -> Void) -> [UInt8] {
        let bytes = batch(2)
        var header = RecordBatch.header(bytes)
        change(&header)
        return header.batch(Array(bytes.dropFirst(RecordBatchHeader.size)))
    }

    @Test func damagedBytes() throws {
        var bytes = batch(3)
        bytes[bytes.count - 2] ^= 1
        #expect(try refusal(bytes) == .corruptMessage)
        #expect(try refusal([]) == .corruptMessage)
        #expect(try refusal(Array(batch().prefix(60))) == .corruptMessage)
        #expect(try refusal(batch().dropLast()) == .corruptMessage)
    }

    @Test func moreThanOneBatch() throws {
        #expect(try refusal(batch() + batch()) == .invalidRecord)
        #expect(try refusal(batch() + [0]) == .invalidRecord)
    }

    @Test func sizes() throws {
        var settings = LogSettings()
        settings.maxMessageBytes = batch(10).count
        #expect(try refusal(batch(10), settings) == nil)
        #expect(try refusal(batch(11), settings) == .messageTooLarge)
        settings.segmentBytes = batch(5).count
        #expect(try refusal(batch(6), settings) == .recordListTooLarge)
    }

    @Test func headersThatLie() throws {
        #expect(try refusal(changed { $0.recordCount = 3 }) == .invalidRecord)
        #expect(try refusal(changed { $0.lastOffsetDelta = 5 }) == .invalidRecord)
        #expect(try refusal(changed { $0.recordCount = 0 }) == .invalidRecord)
        #expect(try refusal(changed { $0.baseOffset = 7 }) == .invalidRecord)
        #expect(try refusal(changed { $0.baseOffset = Int64.max }) == .invalidRecord)
        #expect(try refusal(changed { $0.attributes = 0x20 }) == .invalidRecord)
        #expect(try refusal(changed { $0.attributes = 0x10 }) == .invalidRecord)
        #expect(try refusal(changed { $0.attributes = 0x08 }) == .invalidTimestamp)
        #expect(try refusal(changed { $0.producerID = 5 }) == .invalidRecord)
        #expect(try refusal(changed { $0.attributes = 0x07 }) == .unsupportedCompressionType)
    }

    @Test func recordsWithoutKeysInACompactedTopic() throws {
        var settings = LogSettings()
        settings.cleanupPolicy = .compact
        #expect(try refusal(batch(2), settings) == .invalidRecord)
        #expect(try refusal(batch(2, key: [1]), settings) == nil)
    }

    @Test func namesThatLeaveTheDirectory() throws {
        let test = try TestStore()
        for name in ["../x", "a/b", "", "a\0b", "é"] { #expect(throws: StorageError.self) { try test.open(name) } }
        #expect(throws: StorageError.self) { try test.open("t", -1) }
        #expect(try test.open("..").partition.topic == "..")
    }
}

extension RecordBatch {
    static func header(_ bytes: [UInt8]) -> RecordBatchHeader { bytes.withUnsafeBytes { RecordBatchHeader($0) } ?? RecordBatchHeader() }
}
