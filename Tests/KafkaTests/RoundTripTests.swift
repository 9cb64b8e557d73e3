import Kafka
import MeshTesting
import Testing

@Suite(.timeLimit(.minutes(10))) struct RoundTripTests {
    @Test func nullEmptyAndBytesAreDifferentThings() async throws {
        let broker = try await BrokerFixture.shared()
        let topic = try await broker.makeTopic()
        let values: [[UInt8]?] = [nil, [], [0], Array("text".utf8), [0xff, 0, 0xfe]]
        var sent: [OutgoingRecord] = []
        for key in values {
            for value in values { sent.append(OutgoingRecord(topic: topic, partition: 0, key: key, value: value)) }
        }
        let records = try await blocking { [sent] in
            let producer = try Producer(broker.settings, observer: quiet)
            defer { producer.close() }
            let deliveries = try producer.sendAndWait(sent)
            #expect(deliveries.map(\.offset) == Array(0..<Int64(sent.count)))
            #expect(deliveries.map(\.token) == Array(0..<UInt64(sent.count)))
            return try readAll(topic, broker.settings)
        }
        #expect(records.map(\.key) == sent.map(\.key))
        #expect(records.map(\.value) == sent.map(\.value))
        #expect(records.map(\.offset) == Array(0..<Int64(sent.count)))
    }

    @Test func headersKeepOrderRepetitionsNullAndEmpty() async throws {
        let broker = try await BrokerFixture.shared()
        let topic = try await broker.makeTopic()
        let headers: Headers = [
            Header("ce_id", text: "a"), Header("twice", text: "1"), Header("twice", text: "2"), Header("null", nil), Header("empty", []),
            Header("binary", [0, 0xff, 0]), Header("Grüße", text: "ü"),
        ]
        let records = try await blocking {
            let producer = try Producer(broker.settings, observer: quiet)
            defer { producer.close() }
            _ = try producer.sendAndWait([
                OutgoingRecord(topic: topic, value: nil, headers: headers), OutgoingRecord(topic: topic, value: []),
            ])
            return try readAll(topic, broker.settings)
        }
        #expect(records[0].headers == headers)
        #expect(records[1].headers == [])
    }

    @Test func timestampsAreKept() async throws {
        let broker = try await BrokerFixture.shared()
        let topic = try await broker.makeTopic(configuration: ["retention.ms": "-1"])
        let record = try await blocking {
            let producer = try Producer(broker.settings, observer: quiet)
            defer { producer.close() }
            _ = try producer.sendAndWait([OutgoingRecord(topic: topic, value: [1], timestampMilliseconds: 1_700_000_000_123)])
            return try readAll(topic, broker.settings)[0]
        }
        #expect(record.timestamp == RecordTimestamp(kind: .created, milliseconds: 1_700_000_000_123))
    }

    /// The partitions that Java's DefaultPartitioner gives these keys, out of 8: murmur2(key) & 0x7fffffff % 8.
    @Test func keysArePlacedAsJavaPlacesThem() async throws {
        let broker = try await BrokerFixture.shared()
        let topic = try await broker.makeTopic(partitions: 8)
        let keys = ["a", "b", "repository", "https://example.org/r.git", "staging"]
        let partitions = try await blocking {
            let producer = try Producer(broker.settings, observer: quiet)
            defer { producer.close() }
            return try producer.sendAndWait(keys.map { OutgoingRecord(topic: topic, key: Array($0.utf8), value: []) })
                .map(\.topicPartition.partition)
        }
        #expect(partitions == keys.map { Int32(murmur2(Array($0.utf8)) & 0x7fff_ffff) % 8 })
    }

    @Test func aFullQueueIsSaidAndLosesNothing() async throws {
        let broker = try await BrokerFixture.shared()
        let topic = try await broker.makeTopic()
        let count = 500
        let (refusals, delivered) = try await blocking {
            let producer = try Producer(broker.settings, ProducerSettings(maximumQueuedRecords: 10), observer: quiet)
            defer { producer.close() }
            var refusals = 0
            for index in 0..<count {
                let record = OutgoingRecord(topic: topic, value: Array("\(index)".utf8))
                do throws(KafkaError) {
                    try producer.send(record, token: UInt64(index))
                } catch {
                    guard error.isQueueFull else { throw error }
                    refusals += 1
                    #expect(error.isRetriable && !error.isFatal)
                    try producer.send(record, token: UInt64(index), patience: .seconds(60))
                }
            }
            try producer.flush(timeout: .seconds(60))
            return (refusals, producer.deliveries().map(\.token))
        }
        #expect(refusals > 0)
        #expect(delivered == (0..<count).map(UInt64.init))
        let values = try await blocking { try readAll(topic, broker.settings).map { String(decoding: $0.value ?? [], as: UTF8.self) } }
        #expect(values == (0..<count).map(String.init))
    }

    @Test func aProducerThatIsClosedRefuses() async throws {
        let broker = try await BrokerFixture.shared()
        try await blocking {
            let producer = try Producer(broker.settings, observer: quiet)
            #expect(producer.close(timeout: .seconds(60)))
            #expect(producer.close(timeout: .seconds(60)))
            #expect(throws: KafkaError.self) { try producer.send(OutgoingRecord(topic: "x", value: nil)) }
        }
    }

    @Test func statisticsAndLogLinesReachTheirClosures() async throws {
        let broker = try await BrokerFixture.shared()
        let seen = Seen()
        var settings = broker.settings
        settings["statistics.interval.ms"] = "50"
        settings["debug"] = "broker"
        try await blocking { [settings] in
            let observer = ClientObserver(
                log: { _ in seen.log.add() }, statistics: { if $0.first == UInt8(ascii: "{") { seen.statistics.add() } })
            let producer = try Producer(settings, observer: observer)
            defer { producer.close() }
            let deadline = ContinuousClock.now.advanced(by: .seconds(60))
            while seen.statistics.value == 0 || seen.log.value == 0, ContinuousClock.now < deadline {
                _ = producer.deliveries(timeout: .milliseconds(50))
            }
        }
        #expect(seen.statistics.value > 0)
        #expect(seen.log.value > 0)
    }
}

/// MurmurHash2 as `org.apache.kafka.common.utils.Utils.murmur2` computes it.
private func murmur2(_ data: [UInt8]) -> UInt32 {
    let m: UInt32 = 0x5bd1_e995
    var h: UInt32 = 0x9747_b28c ^ UInt32(data.count)
    var rest = data[...]
    while rest.count >= 4 {
        var k = rest.prefix(4).reversed().reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
        k = k &* m
        k ^= k >> 24
        h = (h &* m) ^ (k &* m)
        rest = rest.dropFirst(4)
    }
    let tail = Array(rest)
    if tail.count > 2 { h ^= UInt32(tail[2]) << 16 }
    if tail.count > 1 { h ^= UInt32(tail[1]) << 8 }
    if tail.count > 0 { h = (h ^ UInt32(tail[0])) &* m }
    h ^= h >> 13
    h = h &* m
    return h ^ (h >> 15)
}
