import CCrypto

/// Name-based UUIDs (RFC 9562, version 5): the same name always gives the same id, on every machine.
public enum UUIDv5 {
    /// RFC 4122's namespace for URLs.
    public static let urlNamespace = UniqueID(high: 0x6ba7_b811_9dad_11d1, low: 0x80b4_00c0_4fd4_30c8)
    /// The namespace of everything that the mesh derives: the version 5 id of `https://botmesh.dev/ids/v1` in `urlNamespace`.
    public static let meshNamespace = derive(name: Array("https://botmesh.dev/ids/v1".utf8), in: urlNamespace)

    /// The id of `parts`, joined by U+001F, in the mesh's namespace.
    public static func derive(_ parts: [String]) -> UniqueID {
        derive(bytes: parts.reduce(parts.count) { $0 + $1.utf8.count }) { name in for part in parts { name.part(part) } }
    }

    /// The id of `name` in `namespace`.
    public static func derive(name: [UInt8], in namespace: UniqueID) -> UniqueID {
        derive(bytes: name.count, in: namespace) { whole in name.withUnsafeBufferPointer { whole.raw($0) } }
    }

    /// The id of the name that `write` gives, which has at most `bytes` bytes.
    static func derive(bytes: Int, in namespace: UniqueID = meshNamespace, _ write: (inout Name) -> Void) -> UniqueID {
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 16 + bytes) { memory in
            withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 20) { digest in
                withUnsafeBytes(of: (namespace.high.bigEndian, namespace.low.bigEndian)) {
                    UnsafeMutableRawBufferPointer(memory).copyMemory(from: $0)
                }
                var name = Name(memory: memory)
                write(&name)
                let done = mesh_sha1(memory.baseAddress, name.count, digest.baseAddress)
                precondition(done == 1, "libcrypto has no SHA-1")
                let raw = UnsafeRawPointer(digest.baseAddress.unsafelyUnwrapped)
                let high = UInt64(bigEndian: raw.loadUnaligned(as: UInt64.self))
                let low = UInt64(bigEndian: raw.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
                return UniqueID(high: high, low: low).stamped(version: 5)
            }
        }
    }

    /// The name of an id while it is written, behind the namespace. Its memory must have room for it.
    struct Name {
        private let memory: UnsafeMutableBufferPointer<UInt8>
        fileprivate private(set) var count = 16
        private var isFirst = true

        fileprivate init(memory: UnsafeMutableBufferPointer<UInt8>) { self.memory = memory }

        mutating func raw(_ bytes: UnsafeBufferPointer<UInt8>) {
            precondition(count + bytes.count <= memory.count, "a name is longer than was said")
            guard let from = bytes.baseAddress, let start = memory.baseAddress else { return }
            (start + count).update(from: from, count: bytes.count)
            count += bytes.count
        }

        /// The next part; U+001F stands between two.
        mutating func part(_ text: String) {
            separate()
            text.withBytes { raw($0) }
        }

        mutating func part(_ id: Identifier) {
            guard let unique = id.unique else { return part(id.text) }
            separate()
            withUnsafeTemporaryAllocation(of: UInt8.self, capacity: UniqueID.textBytes) { text in
                unique.write(to: text.baseAddress.unsafelyUnwrapped)
                raw(UnsafeBufferPointer(text))
            }
        }

        mutating func part(_ number: Int) {
            // Nearly all are: the ordinal of an event is one, and no text is made for it.
            guard 0..<10 ~= number else { return part(String(number)) }
            separate()
            withUnsafePointer(to: UInt8(ascii: "0") + UInt8(number)) { raw(UnsafeBufferPointer(start: $0, count: 1)) }
        }

        private mutating func separate() {
            defer { isFirst = false }
            guard !isFirst else { return }
            precondition(count < memory.count, "a name is longer than was said")
            memory[count] = 0x1f
            count += 1
        }
    }
}
