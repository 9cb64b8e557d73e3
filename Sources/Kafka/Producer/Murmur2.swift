/// Kafka's partitioner for records with a key: the Java client's murmur2 with its seed, made positive.
///
/// Source: `org.apache.kafka.common.utils.Utils.murmur2` and `BuiltInPartitioner.partitionForKey`.
public enum Murmur2 {
    /// The partition of `key` among `partitions`, as Java, kcat and librdkafka (`murmur2_random`) choose it.
    public static func partition(of key: [UInt8], among partitions: Int32) -> Int32 {
        precondition(partitions > 0, "a topic has at least one partition")
        return Int32(hash(key) & 0x7fff_ffff) % partitions
    }

    static func hash(_ data: [UInt8]) -> UInt32 {
        let multiplier: UInt32 = 0x5bd1_e995
        var hash = 0x9747_b28c ^ UInt32(truncatingIfNeeded: data.count)
        var place = 0
        while place + 4 <= data.count {
            var word = UInt32(data[place]) | UInt32(data[place + 1]) << 8 | UInt32(data[place + 2]) << 16 | UInt32(data[place + 3]) << 24
            word = word &* multiplier
            word ^= word >> 24
            word = word &* multiplier
            hash = hash &* multiplier ^ word
            place += 4
        }
        let rest = data.count - place
        if rest >= 3 { hash ^= UInt32(data[place + 2]) << 16 }
        if rest >= 2 { hash ^= UInt32(data[place + 1]) << 8 }
        if rest >= 1 {
            hash ^= UInt32(data[place])
            hash = hash &* multiplier
        }
        hash ^= hash >> 13
        hash = hash &* multiplier
        hash ^= hash >> 15
        return hash
    }
}
