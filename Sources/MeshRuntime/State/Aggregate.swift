/// What names an aggregate. Told apart by its bytes, as Kafka's keys are: two texts that Unicode takes for the same may be two keys.
struct Aggregate: Hashable, Sendable {
    /// UTF-8.
    let bytes: [UInt8]

    init(_ name: String) { bytes = Array(name.utf8) }

    init(bytes: some Sequence<UInt8>) { self.bytes = Array(bytes) }

    /// The bytes at once: an array would give them one by one.
    func hash(into hasher: inout Hasher) { bytes.withUnsafeBytes { hasher.combine(bytes: $0) } }
}
