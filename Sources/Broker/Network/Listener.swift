import CSystem
import Glibc

/// Where the broker listens: `host:port`, IPv6 addresses in brackets.
public struct ListenAddress: Sendable, Equatable, CustomStringConvertible {
    public let host: String
    /// 0 lets the system choose.
    public let port: UInt16

    /// nil when the text is no `host:port`.
    public init?(_ text: String) {
        guard let colon = text.lastIndex(of: ":"), let port = UInt16(text[text.index(after: colon)...]) else { return nil }
        var host = text[..<colon]
        if host.first == "[", host.last == "]" { host = host.dropFirst().dropLast() } else if host.contains(":") { return nil }
        guard !host.isEmpty else { return nil }
        self.init(host: String(host), port: port)
    }

    public init(host: String, port: UInt16) {
        self.host = host
        self.port = port
    }

    public var isLoopback: Bool { host.hasPrefix("127.") || host == "::1" || host == "localhost" }
    public var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }
}

/// A listening TCP socket.
final class Listener {
    let descriptor: Int32
    /// With the port that the system chose.
    let address: ListenAddress

    init(_ wanted: ListenAddress) throws(NetworkError) {
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        hints.ai_flags = AI_PASSIVE
        var found: UnsafeMutablePointer<addrinfo>?
        let status = getaddrinfo(wanted.host, String(wanted.port), &hints, &found)
        guard status == 0, let found else {
            throw NetworkError("cannot find the address \(wanted.host)", number: status == EAI_SYSTEM ? errno : EADDRNOTAVAIL)
        }
        defer { freeaddrinfo(found) }
        let kind = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue) | Int32(SOCK_NONBLOCK.rawValue)
        let descriptor = socket(found.pointee.ai_family, kind, 0)
        guard descriptor >= 0 else { throw NetworkError("cannot make a socket", number: errno) }
        var one: Int32 = 1
        setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &one, socklen_t(MemoryLayout<Int32>.size))
        guard bind(descriptor, found.pointee.ai_addr, found.pointee.ai_addrlen) == 0, listen(descriptor, 1024) == 0 else {
            let number = errno
            close(descriptor)
            throw NetworkError("cannot listen on \(wanted)", number: number)
        }
        self.descriptor = descriptor
        address = ListenAddress(host: wanted.host, port: Self.port(of: descriptor) ?? wanted.port)
    }

    deinit { close(descriptor) }

    private static func port(of descriptor: Int32) -> UInt16? {
        var address = sockaddr_storage()
        var size = socklen_t(MemoryLayout<sockaddr_storage>.size)
        return withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { generic in
                guard getsockname(descriptor, generic, &size) == 0 else { return nil }
                // The port stands at the same place in both families.
                return generic.withMemoryRebound(to: sockaddr_in.self, capacity: 1) { UInt16(bigEndian: $0.pointee.sin_port) }
            }
        }
    }

    /// The next waiting connection and the other side's address; nil when there is none. Throws what keeps the system from giving one.
    func accept() throws(NetworkError) -> (descriptor: Int32, host: String)? {
        var host = [CChar](repeating: 0, count: 64)
        let descriptor = csystem_accept(self.descriptor, &host, host.count)
        guard descriptor < 0 else {
            return (descriptor, String(decoding: host.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self))
        }
        switch -descriptor {
        case EAGAIN, EINTR, ECONNABORTED: return nil
        default: throw NetworkError("cannot accept a connection", number: -descriptor)
        }
    }
}
