/// The `source` of an envelope as the URI reference that CloudEvents asks for: `/bots/BuildBot`.
enum SourceURI {
    private static let digits = Array("0123456789ABCDEF".utf8)
    private static let prefix = "/bots/"
    /// The source of a record that names none.
    static let unknown = "unknown"

    /// The name in a `ce_source`: what follows `/bots/`, else the whole.
    static func name(of uri: String) -> String {
        guard uri.hasPrefix(prefix), let name = decoded(uri.utf8.dropFirst(prefix.utf8.count)), !name.isEmpty else { return uri }
        return name
    }

    /// Gives the URI reference for a source to `body`. One that has the look of a URI reference already stays.
    static func withURI<Result>(of name: String, _ body: (UnsafeBufferPointer<UInt8>) -> Result) -> Result {
        name.withBytes { name in
            withUnsafeTemporaryAllocation(of: UInt8.self, capacity: prefix.utf8.count + 3 * name.count) { uri in
                let isURI = name.contains { $0 == UInt8(ascii: "/") || $0 == UInt8(ascii: ":") }
                var count = 0
                func put(_ byte: UInt8) {
                    uri[count] = byte
                    count += 1
                }
                if !isURI { for byte in prefix.utf8 { put(byte) } }
                for byte in name {
                    if isUnreserved(byte) || isURI && "/:?#[]@!$&'()*+,;=%".utf8.contains(byte) {
                        put(byte)
                    } else {
                        put(UInt8(ascii: "%"))
                        put(digits[Int(byte >> 4)])
                        put(digits[Int(byte & 15)])
                    }
                }
                return body(UnsafeBufferPointer(rebasing: uri[..<count]))
            }
        }
    }

    private static func isUnreserved(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"): true
        case UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "~"): true
        default: false
        }
    }

    /// Percent-decoded; nil when that gives no text without control characters.
    private static func decoded(_ bytes: Substring.UTF8View) -> String? {
        var result: [UInt8] = []
        var rest = bytes[...]
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%") else {
                result.append(byte)
                continue
            }
            guard let high = rest.popFirst().flatMap(hexValue), let low = rest.popFirst().flatMap(hexValue) else { return nil }
            result.append(high << 4 | low)
        }
        return result.allSatisfy { $0 >= 0x20 && $0 != 0x7f } ? String(validating: result, as: UTF8.self) : nil
    }
}
