import Envelopes
import Kafka
import MeshTesting
import Testing

@testable import MeshRuntime

/// Headers, keys and timestamps that anybody may have written: they never end the process, and never lead a record astray.
@Suite struct HostileRecordTests {
    private func text(_ random: inout SeededGenerator) -> [UInt8] {
        let samples = [
            "", "-1", "0", "9223372036854775807", "-9223372036854775808", "99999999999999999999", "2147483648", "CreateTime",
            "a:b,c:1,:,x:-5",
            "work.requested", "..", "é\u{0}",
        ]
        return Bool.random(using: &random)
            ? Array(samples.randomElement(using: &random)!.utf8)
            : (0..<Int.random(in: 0..<40, using: &random)).map { _ in UInt8.random(in: 0...255, using: &random) }
    }

    private func headers(_ random: inout SeededGenerator) -> [Header] {
        (0..<Int.random(in: 0..<12, using: &random)).map { _ in
            Header(
                Passport.Name.own.sorted().randomElement(using: &random)!, Int.random(in: 0..<9, using: &random) == 0 ? nil : text(&random))
        }
    }

    @Test func passportsAreReadWhateverTheHeadersSay() {
        var random = SeededGenerator(seed: 11)
        for _ in 0..<5_000 {
            let record = Record(
                topicPartition: TopicPartition("retry.workbot", 1), offset: 7, key: text(&random), value: nil,
                headers: Headers(headers(&random)))
            let passport = Passport(record, isOwnTopic: Bool.random(using: &random))
            #expect(passport.origin.partition >= 0 && passport.origin.offset >= 0)
            #expect(EventType(passport.origin.topic).isLegal)
            #expect((0...1_000_000).contains(passport.attempts))
            // What is written is read back the same.
            let again = Passport(
                Record(topicPartition: record.topicPartition, offset: 9, key: nil, value: nil, headers: passport.ownHeaders(group: "g")),
                isOwnTopic: true)
            #expect(again.origin == passport.origin)
            #expect(again.attempts == passport.attempts)
            #expect(again.key == passport.key)
        }
    }

    @Test func ofAHeaderThatStandsTwiceTheLastCounts() {
        func read(_ headers: [Header]) -> Passport {
            Passport(
                Record(topicPartition: TopicPartition("retry.workbot", 1), offset: 7, key: nil, value: nil, headers: Headers(headers)),
                isOwnTopic: true)
        }
        func headers(_ number: String) -> [Header] {
            [
                Header(Passport.Name.attempts, text: number), Header(Passport.Name.key, text: number),
                Header(Passport.Name.originTopic, text: "a.b"), Header(Passport.Name.originPartition, text: "0"),
                Header(Passport.Name.originOffset, text: number),
            ]
        }
        let passport = read(headers("1") + headers("2"))
        #expect(passport.attempts == 2 && passport.key == Array("2".utf8) && passport.origin.offset == 2)
        #expect(read(headers("1") + [Header(Passport.Name.attempts, nil)]).attempts == 0)
    }

    @Test func keysOfTheStateTopicAreReadOrLeftOut() {
        var random = SeededGenerator(seed: 13)
        for _ in 0..<5_000 {
            let bytes = Array("jsn".utf8.randomElement(using: &random).map { [$0, UInt8(ascii: "/")] } ?? []) + text(&random)
            guard let key = StateKey(bytes), String(validating: bytes, as: UTF8.self) != nil else { continue }
            #expect(StateKey(key.bytes) == key)
        }
        for key in [
            StateKey.journal(topic: "a.b", partition: 3, offset: 9), .notDone(topic: "a", partition: 0, offset: 0),
            .state(Aggregate("x/y")), .state(Aggregate("")), .state(Aggregate("\u{301}x")),
        ] {
            #expect(StateKey(key.bytes) == key)
        }
    }

    @Test func hostileRecordsAreSettledAndTheOnesBehindThemGoOn() throws {
        var random = SeededGenerator(seed: 17)
        let machine = try Machine(WorkBot.self)
        let times: [Int64] = [.min, .max, -1, 0, 1]
        for number in 0..<150 {
            let topic = [Work.type.name, "retry.workbot"].randomElement(using: &random)!
            machine.log.append(
                OutgoingRecord(
                    topic: topic, key: text(&random),
                    value: Bool.random(using: &random) ? Array(#"{"payload":{"name":"a","number":1,"how":"plain"}}"#.utf8) : text(&random),
                    headers: Headers(headers(&random).filter { $0.name != Passport.Name.notBefore }),
                    timestampMilliseconds: times[number % times.count]))
        }
        try machine.send(Work(name: "last", number: 1_000, how: "plain"))
        machine.runDry()
        machine.expectAllCommitted()
        #expect(try machine.events(WorkDone.self).contains { $0.payload.number == 1_000 })
        #expect(machine.dead.allSatisfy { $0.partition >= 0 })
    }

    /// Whoever may write one topic that a bot reads cannot act as the producer of another one.
    @Test(arguments: ["build.completed", "retry.workbot", "inbox.workbot"])
    func onAnEventTopicARecordIsWhatStandsThere(claimed: String) throws {
        let machine = try Machine(WorkBot.self)
        let headers: Headers = [
            Header(Passport.Name.originTopic, text: claimed), Header(Passport.Name.originPartition, text: "1"),
            Header(Passport.Name.originOffset, text: "77"),
        ]
        let record = Record(topicPartition: TopicPartition(Work.type.name, 0), offset: 5, key: nil, value: nil, headers: headers)
        #expect(
            Passport(record, isOwnTopic: false).origin
                == Passport(Record(topicPartition: record.topicPartition, offset: 5, key: nil, value: nil), isOwnTopic: false).origin)
        machine.log.append(
            OutgoingRecord(
                topic: Work.type.name, key: [1],
                value: Array(
                    #"{"id":"x","timestamp":"2026-11-21T11:44:36.250Z","source":"t","version":1,"type":"\#(claimed)","payload":{"name":"a","number":1,"how":"plain"}}"#
                        .utf8), headers: headers))
        machine.runDry()
        #expect(machine.dead.count == 1)
        #expect(machine.dead.first.map { header(Passport.Name.originTopic, of: $0) } == Work.type.name)
        #expect(try machine.events(WorkDone.self).isEmpty)
    }
}
