/// Which network addresses a client may connect to. Asked after name resolution, for each address, before the socket is opened.
///
/// Without an exception only public addresses pass, so a URL in an event can never make the mesh talk to the machine that it runs on, to its
/// neighbours, or to a cloud's metadata service.
public struct AddressPolicy: Sendable, Equatable {
    /// True: every address passes.
    public let allowsEverything: Bool
    /// Host names whose private addresses pass, lower case, as they stand in the URL: `hooks.internal`, `127.0.0.1`, `*.corp.example`.
    public let allowedHosts: Set<String>

    public init(allowsEverything: Bool = false, allowedHosts: Set<String> = []) {
        self.allowsEverything = allowsEverything
        self.allowedHosts = Set(allowedHosts.map { $0.lowercased() })
    }

    public static let publicOnly = AddressPolicy()
    public static let anywhere = AddressPolicy(allowsEverything: true)
    /// Public addresses, and whatever the named hosts resolve to.
    public static func publicOnly(except hosts: some Sequence<String>) -> AddressPolicy { AddressPolicy(allowedHosts: Set(hosts)) }

    /// Whether every address of this host passes.
    public func allowsPrivateAddresses(of host: String) -> Bool {
        if allowsEverything { return true }
        let host = host.lowercased()
        if allowedHosts.contains(host) { return true }
        return allowedHosts.contains { $0.hasPrefix("*.") && host.hasSuffix($0.dropFirst(1)) }
    }

    /// Whether an address (4 or 16 bytes, network order) is one of the public internet.
    ///
    /// Refused are the special-purpose blocks of RFC 6890 and its successors; an IPv4 address inside an IPv6 one is judged as itself.
    public static func isPublic(_ address: [UInt8]) -> Bool {
        switch address.count {
        case 4: isPublicIPv4(address[0], address[1], address[2])
        case 16: isPublicIPv6(address)
        default: false
        }
    }

    private static func isPublicIPv4(_ first: UInt8, _ second: UInt8, _ third: UInt8) -> Bool {
        switch (first, second, third) {
        case (0, _, _), (10, _, _), (127, _, _), (224..., _, _): false
        case (100, 64...127, _): false
        case (169, 254, _), (192, 168, _): false
        case (172, 16...31, _), (198, 18...19, _): false
        case (192, 0, 0), (192, 0, 2), (198, 51, 100), (203, 0, 113), (192, 88, 99): false
        default: true
        }
    }

    private static func isPublicIPv6(_ bytes: [UInt8]) -> Bool {
        func embedded(at index: Int) -> Bool { isPublicIPv4(bytes[index], bytes[index + 1], bytes[index + 2]) }
        let leadingZeros = bytes.prefix { $0 == 0 }.count
        if leadingZeros >= 12 { return leadingZeros < 15 && embedded(at: 12) }
        if leadingZeros == 10, bytes[10] == 0xff, bytes[11] == 0xff { return embedded(at: 12) }
        if bytes.starts(with: [0x00, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0]) { return embedded(at: 12) }
        if bytes.starts(with: [0x20, 0x02]) { return embedded(at: 2) }
        // Only 2000::/3 is global unicast; of it, Teredo and documentation are not.
        guard bytes[0] & 0xe0 == 0x20 else { return false }
        return !bytes.starts(with: [0x20, 0x01, 0x00, 0x00]) && !bytes.starts(with: [0x20, 0x01, 0x0d, 0xb8])
    }
}
