import MeshTesting
import Testing

@testable import Envelopes

@Suite struct IdentityTests {
    @Test func textIsRead() {
        let text = "6ba7b811-9dad-11d1-80b4-00c04fd430c8"
        #expect(UniqueID(text)?.text == text)
        #expect(UniqueID(text.uppercased())?.text == text)
        for wrong in [
            "", "6ba7b811", text + "0", String(text.dropLast()), text.replacing("-", with: "_"), text.replacing("6", with: "g"),
            text.replacing("-", with: ""),
        ] {
            #expect(UniqueID(wrong) == nil)
        }
    }

    /// Each byte at each place: what is no digit of hexadecimal, or no dash where one belongs, makes it another text.
    @Test func onlyDigitsAndDashesAreRead() {
        let text = Array("6ba7b811-9dad-11d1-80b4-00c04fd430c8".utf8)
        func read(_ bytes: [UInt8]) -> (any: UniqueID?, lowerCase: UniqueID?) {
            (UniqueID(String(decoding: bytes, as: UTF8.self)), bytes.withUnsafeBufferPointer { UniqueID(lowerCase: $0) })
        }
        for place in text.indices {
            for byte in UInt8.min...UInt8.max {
                var changed = text
                changed[place] = byte
                let isDash = [8, 13, 18, 23].contains(place)
                let character = Character(Unicode.Scalar(byte))
                let isLowerCase = isDash ? character == "-" : "0123456789abcdef".contains(character)
                let isAny = isLowerCase || !isDash && "ABCDEF".contains(character)
                let (any, lowerCase) = read(changed)
                if (lowerCase != nil) != isLowerCase || (any != nil) != (isAny && byte < 0x80) {
                    Issue.record("byte \(byte) at \(place): \(String(describing: any)), \(String(describing: lowerCase))")
                }
                if let any, any.text != String(decoding: changed, as: UTF8.self).lowercased() { Issue.record("\(any) for \(changed)") }
            }
        }
    }

    /// The values are Python's: `uuid.uuid5(uuid.NAMESPACE_URL, …)`.
    @Test func versionFiveIsTheStandards() {
        #expect(
            UUIDv5.derive(name: Array("http://example.com/".utf8), in: UUIDv5.urlNamespace).text == "0a300ee9-f9e4-5697-a51a-efc7fafaba67")
        #expect(UUIDv5.meshNamespace.text == "861f46e3-7623-5f72-ab9c-b4b7a553f371")
        #expect(UUIDv5.derive(["a", "b"]).text == "c0b1f7f0-e977-5ca4-a682-d1a61d2bb3f9")
    }

    @Test func randomOnesHaveTheirVersion() {
        var generator = SeededGenerator(seed: 3)
        let random = UniqueID.random(using: &generator).text
        #expect(random.dropFirst(14).first == "4")
        let early = UniqueID.timeOrdered(at: Timestamp(milliseconds: 1_795_261_476_250), using: &generator).text
        let late = UniqueID.timeOrdered(at: Timestamp(milliseconds: 1_795_261_476_251), using: &generator).text
        #expect(early.dropFirst(14).first == "7")
        #expect(early < late)
        #expect(["8", "9", "a", "b"].contains(early.dropFirst(19).first))
    }

    @Test func derivedIDsDependOnEveryPart() {
        let cause = EventID(UniqueID(high: 1, low: 2))
        let other = EventID(UniqueID(high: 1, low: 3))
        let ids = [
            EventID.derived(causation: cause, bot: "BuildBot", type: "build.completed", ordinal: 0),
            EventID.derived(causation: other, bot: "BuildBot", type: "build.completed", ordinal: 0),
            EventID.derived(causation: cause, bot: "TestBot", type: "build.completed", ordinal: 0),
            EventID.derived(causation: cause, bot: "BuildBot", type: "build.failed", ordinal: 0),
            EventID.derived(causation: cause, bot: "BuildBot", type: "build.completed", ordinal: 1),
            EventID.derived(causation: cause, bot: "BuildBot", type: "build.completed", ordinal: 0, replay: "r"),
            EventID.derived(topic: "build.completed", partition: 0, offset: 1, timestamp: nil),
            EventID.derived(topic: "build.completed", partition: 0, offset: 1, timestamp: Timestamp(milliseconds: 5)),
        ]
        #expect(Set(ids).count == ids.count)
        #expect(ids[0] == EventID.derived(causation: cause, bot: "BuildBot", type: "build.completed", ordinal: 0))
        #expect(RunID.derived(event: cause, bot: "BuildBot") != RunID.derived(event: cause, bot: "BuildBot", replay: "r"))
    }
}
