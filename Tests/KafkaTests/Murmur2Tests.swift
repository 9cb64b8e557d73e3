import Testing

@testable import Kafka

@Suite struct Murmur2Tests {
    /// Values of Kafka's own test (`UtilsTest.testMurmur2`).
    @Test func keysHaveTheHashesOfJava() {
        let expected: [(String, Int32)] = [
            ("21", -973_932_308), ("foobar", -790_332_482), ("a-little-bit-long-string", -985_981_536),
            ("a-little-bit-longer-string", -1_486_304_829), ("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58_897_971),
        ]
        for (text, hash) in expected { #expect(Int32(bitPattern: Murmur2.hash(Array(text.utf8))) == hash) }
    }
}
