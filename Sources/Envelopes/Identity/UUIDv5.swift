import CCrypto

/// Name-based UUIDs (RFC 9562, version 5): the same name always gives the same id, on every machine.
public enum UUIDv5 {
    /// RFC 4122's namespace for URLs.
    public static let urlNamespace = UniqueID(high: 0x6ba7_b811_9dad_11d1, low: 0x80b4_00c0_4fd4_30c8)
    /// The namespace of everything that the mesh derives: the version 5 id of `https://botmesh.dev/ids/v1` in `urlNamespace`.
    public static let meshNamespace = derive(name: Array("https://botmesh.dev/ids/v1".utf8), in: urlNamespace)

    /// The id of `parts`, joined by U+001F, in the mesh's namespace.
    public static func derive(_ parts: [String]) -> UniqueID {
        var name: [UInt8] = []
        name.reserveCapacity(parts.reduce(parts.count) { $0 + $1.utf8.count })
        for (index, part) in parts.enumerated() {
            if index > 0 { name.append(0x1f) }
            name.append(contentsOf: part.utf8)
        }
        return derive(name: name, in: meshNamespace)
    }

    /// The id of `name` in `namespace`.
    public static func derive(name: [UInt8], in namespace: UniqueID) -> UniqueID {
        var input: [UInt8] = []
        input.reserveCapacity(16 + name.count)
        withUnsafeBytes(of: (namespace.high.bigEndian, namespace.low.bigEndian)) { input.append(contentsOf: $0) }
        input.append(contentsOf: name)
        return withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 20) { digest in
            let done = mesh_sha1(input, input.count, digest.baseAddress)
            precondition(done == 1, "libcrypto has no SHA-1")
            let raw = UnsafeRawPointer(digest.baseAddress.unsafelyUnwrapped)
            let high = UInt64(bigEndian: raw.loadUnaligned(as: UInt64.self))
            let low = UInt64(bigEndian: raw.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
            return UniqueID(high: high, low: low).stamped(version: 5)
        }
    }
}
