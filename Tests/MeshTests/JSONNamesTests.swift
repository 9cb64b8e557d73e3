import Envelopes
import FoundationEssentials
import Kafka
import Terminal
import Testing

@testable import mesh

/// What is printed as JSON has the names that the command's help tells.
@Suite struct JSONNamesTests {
    private func names(_ value: some Encodable) throws -> Set<String> {
        Set(try JSONValue.parse(Array(try JSONEncoder().encode(value))).object.map { Array($0.keys) } ?? [])
    }

    private func told(_ command: String) throws -> Set<String> {
        let found = try #require(Mesh.program.commands.first { $0.name == command })
        return Set(found.json.split { !$0.isLetter && $0 != "_" && $0 != "-" }.map(String.init))
    }

    @Test func everyNameIsToldInTheHelp() throws {
        let record = instanceRecord("A", 1)
        let status = InstanceStatus(record: record, standing: .running, age: .zero)
        #expect(try names(InstanceList.Row(status: status)).subtracting(told("ps")) == [])

        let row = PartitionLag(group: "A", partition: TopicPartition("t", 0))
        let sample = LagSample(wall: .now, time: .now, rows: [row], instances: [])
        let lag = try #require(LagView(sample: sample, trend: LagTrend()).rows.first)
        #expect(try names(lag).subtracting(told("lag")) == [])

        for what in [RebalanceNews.What.standing(.running), .gained(["t[0]"]), .lost(["t[0]"]), .logLevel("debug")] {
            let news = RebalanceNews.Row(news: RebalanceNews(instance: "A-1", what: what), seconds: 1)
            #expect(try names(news).subtracting(told("scale")) == [])
        }

        let summary = HarmSummary(
            ledger: HarmLedger(), count: RepeatCount(), fault: .kill, isExactlyOnce: true, isInterrupted: false)
        #expect(try names(HarmSummary.Row(summary)).subtracting(told("chaos kill")) == [])
        #expect(try told("chaos freeze").isSuperset(of: names(HarmSummary.Row(summary))))
    }
}
