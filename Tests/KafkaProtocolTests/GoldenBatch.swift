import KafkaProtocol
import Testing

/// Batches that clients made, byte by byte, each of the same three records: kafka-python 3.0.12 and aiokafka 0.14.0 (its producer 4711, epoch 3, from
/// sequence 17, in a transaction), by their `DefaultRecordBatchBuilder`.
struct GoldenBatch: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let bytes: [UInt8]

    init(_ name: String, _ hexadecimal: String) {
        testDescription = name
        let digits = Array(hexadecimal)
        bytes = stride(from: 0, to: digits.count, by: 2).map { UInt8(String(digits[$0...$0 + 1]), radix: 16)! }
    }

    static let records: [Record] = {
        let value = Array(String(repeating: "value ", count: 20).utf8)[...]
        return [
            Record(
                offset: 0, timestamp: 1_700_000_000_000, key: Array("key-0".utf8)[...], value: value,
                headers: [RecordHeader("h", [0x78]), RecordHeader("n", nil)]),
            Record(offset: 1, timestamp: 1_700_000_000_005, key: nil, value: value),
            Record(offset: 2, timestamp: 1_700_000_000_003, key: Array("key-2".utf8)[...], value: nil),
        ]
    }()

    static let uncompressed = [
        GoldenBatch(
            "kafka-python, none",
            "00000000000000000000014b0000000002a5d041360000000000020000018bcfe568000000018bcfe56805ffffffffffffffffffffffffffff00000003960200"
                + "00000a6b65792d30f00176616c75652076616c75652076616c75652076616c75652076616c75652076616c75652076616c75652076616c75652076616c756520"
                + "76616c75652076616c75652076616c75652076616c75652076616c75652076616c75652076616c75652076616c75652076616c75652076616c75652076616c75"
                + "65200402680278026e01fe01000a0201f00176616c75652076616c75652076616c75652076616c75652076616c75652076616c75652076616c75652076616c75"
                + "652076616c75652076616c75652076616c75652076616c75652076616c75652076616c75652076616c75652076616c75652076616c75652076616c7565207661"
                + "6c75652076616c75652000160006040a6b65792d320100"),
        GoldenBatch(
            "aiokafka, none",
            "00000000000000000000014bffffffff02a5dea94c0010000000020000018bcfe568000000018bcfe56805000000000000126700030000001100000003960200"
                + "00000a6b65792d30f00176616c75652076616c75652076616c75652076616c75652076616c75652076616c75652076616c75652076616c75652076616c756520"
                + "76616c75652076616c75652076616c75652076616c75652076616c75652076616c75652076616c75652076616c75652076616c75652076616c75652076616c75"
                + "65200402680278026e01fe01000a0201f00176616c75652076616c75652076616c75652076616c75652076616c75652076616c75652076616c75652076616c75"
                + "652076616c75652076616c75652076616c75652076616c75652076616c75652076616c75652076616c75652076616c75652076616c75652076616c7565207661"
                + "6c75652076616c75652000160006040a6b65792d320100"),
    ]
}
