/// Some members of JSON objects, by name: for whoever reads many objects and looks at little of each.
public struct JSONPick: Sendable {
    private let names: [[UInt8]]
    private let fingerprints: [UInt64]

    /// Names are compared byte by byte, while those of a `JSONValue` are equal by canonical equivalence: the same for names of ASCII.
    public init(_ names: [String]) {
        self.names = names.map { Array($0.utf8) }
        fingerprints = self.names.map { JSONElement.fingerprint(of: $0) }
    }

    /// The values of the object in `bytes` under these names, in the order of the names; nil where there is none, as everywhere when it is no object.
    ///
    /// Throws what `JSONValue.parse` throws.
    public func values(of bytes: [UInt8]) throws(JSONError) -> [JSONValue?] {
        let parser = JSONParser.take()
        defer { JSONParser.giveBack(parser) }
        let root = try parser.root(of: bytes)
        var values = [JSONValue?](repeating: nil, count: names.count)
        guard root.kind == .object else { return values }
        for (name, value) in JSONMembers(root) {
            guard let place = place(of: name) else { continue }
            values[place] = JSONValue(value)
        }
        return values
    }

    private func place(of name: JSONElement) -> Int? {
        let fingerprint = name.fingerprint
        return fingerprints.withUnsafeBufferPointer { fingerprints in
            for place in 0..<fingerprints.count where fingerprints[place] == fingerprint && name.isText(names[place]) { return place }
            return nil
        }
    }
}
