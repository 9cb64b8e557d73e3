import MeshTesting
import Testing

@testable import Envelopes

@Suite struct TimestampTests {
    @Test func additionSaturates() {
        #expect(Timestamp(milliseconds: .max).advanced(by: .seconds(1)).milliseconds == .max)
        #expect(Timestamp(milliseconds: 5).advanced(by: .milliseconds(7)).milliseconds == 12)
    }

    @Test(arguments: [
        ("1970-01-01T00:00:00Z", 0), ("1970-01-01T00:00:00.001Z", 1), ("1969-12-31T23:59:59.999Z", -1),
        ("2026-11-21T11:44:36.250Z", 1_795_261_476_250),
        ("2026-11-21t13:44:36.25+02:00", 1_795_261_476_250), ("2026-11-21 05:14:36.2509999-06:30", 1_795_261_476_250),
        ("2000-02-29T00:00:00Z", 951_782_400_000), ("2016-12-31T23:59:60Z", 1_483_228_800_000),
        ("0000-01-01T00:00:00Z", -62_167_219_200_000),
        ("9999-12-31T23:59:59.999Z", 253_402_300_799_999),
    ])
    func reads(text: String, milliseconds: Int64) { #expect(Timestamp.parse(text)?.milliseconds == milliseconds) }

    @Test(arguments: [
        "", "2026-11-21", "2026-11-21T11:44Z", "2026-11-21T11:44:36", "2026-13-01T00:00:00Z", "2026-02-29T00:00:00Z",
        "2026-01-00T00:00:00Z",
        "2026-01-01T24:00:00Z", "2026-01-01T00:60:00Z", "2026-01-01T00:00:61Z", "2026-01-01T00:00:00.Z", "2026-01-01T00:00:00+2:00",
        "2026-01-01T00:00:00Z ",
        "2026-01-01T00:00:00+24:00", "+026-01-01T00:00:00Z", "9999-12-31T23:59:59-01:00", "２026-01-01T00:00:00Z",
        "0000-01-01T00:00:00+01:00",
    ])
    func refuses(text: String) { #expect(Timestamp.parse(text) == nil) }

    @Test(arguments: ["2026-11-21T11:44:36.250Z", "2026-11-21T11:44:36+02:30"]) func onlyDigitsStandWhereDigitsBelong(text: String) {
        let bytes = Array(text.utf8)
        let digits = UInt8(ascii: "0")...UInt8(ascii: "9")
        // A fraction may end at any of its digits but the first.
        let fraction = bytes[19] == UInt8(ascii: ".") ? 21..<23 : 0..<0
        for place in bytes.indices where digits.contains(bytes[place]) && !fraction.contains(place) || "-:T".utf8.contains(bytes[place]) {
            for byte in UInt8.min...UInt8.max where !digits.contains(byte) && byte != bytes[place] {
                // A T may also be written so.
                if bytes[place] == UInt8(ascii: "T"), "t ".utf8.contains(byte) { continue }
                var changed = bytes
                changed[place] = byte
                let read = changed.withUnsafeBufferPointer { Timestamp.parse($0) }
                if read != nil { Issue.record("byte \(byte) at \(place)") }
            }
        }
    }

    @Test func textAndParseAreInverse() {
        var generator = SeededGenerator(seed: 7)
        for _ in 0..<20_000 {
            let range = Timestamp.earliestText.milliseconds...Timestamp.latestText.milliseconds
            let instant = Timestamp(milliseconds: Int64.random(in: range, using: &generator))
            #expect(Timestamp.parse(instant.text) == instant)
        }
        #expect(Timestamp(milliseconds: .max).text == "9999-12-31T23:59:59.999Z")
        #expect(Timestamp(milliseconds: .min).text == "0000-01-01T00:00:00.000Z")
    }
}
