import Glibc

/// Addresses as ACLs name them.
enum HostName {
    /// One spelling for each address: IPv6 in its short form, an IPv4 address that came by IPv6 as IPv4. What is no address stays as it is.
    static func canonical(_ text: String) -> String {
        var address = in6_addr()
        guard inet_pton(AF_INET6, text, &address) == 1 else { return text }
        var buffer = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
        guard inet_ntop(AF_INET6, &address, &buffer, socklen_t(buffer.count)) != nil else { return text }
        let short = String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        let mapped = "::ffff:"
        return short.hasPrefix(mapped) && short.contains(".") ? String(short.dropFirst(mapped.count)) : short
    }
}
