import Glibc

/// A TCP socket that listens. Whoever takes its descriptor closes it.
struct ListeningSocket {
    let descriptor: Int32
    /// The real port.
    let port: UInt16

    init(host: String, port: UInt16) throws(HealthServerError) {
        var hints = addrinfo()
        hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var found: UnsafeMutablePointer<addrinfo>?
        guard getaddrinfo(host, String(port), &hints, &found) == 0, let address = found else {
            throw HealthServerError(message: "\(host) is not an address in numbers; give one such as 127.0.0.1 or ::1")
        }
        defer { freeaddrinfo(found) }
        func failed(_ what: String) -> HealthServerError {
            HealthServerError(message: "cannot \(what) \(host):\(port): \(String(cString: strerror(errno)))")
        }
        let descriptor = socket(address.pointee.ai_family, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw failed("open a socket for") }
        do throws(HealthServerError) {
            var yes: Int32 = 1
            setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &yes, socklen_t(MemoryLayout<Int32>.size))
            guard bind(descriptor, address.pointee.ai_addr, address.pointee.ai_addrlen) == 0 else { throw failed("listen on") }
            guard listen(descriptor, 64) == 0 else { throw failed("listen on") }
            guard let bound = Self.boundPort(of: descriptor) else { throw failed("learn the port of") }
            self.descriptor = descriptor
            self.port = bound
        } catch {
            close(descriptor)
            throw error
        }
    }

    private static func boundPort(of descriptor: Int32) -> UInt16? {
        var storage = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        return withUnsafeMutablePointer(to: &storage) { storage in
            storage.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                guard getsockname(descriptor, address, &length) == 0 else { return nil }
                // The port stands at the same place for IPv4 and IPv6.
                return address.withMemoryRebound(to: sockaddr_in.self, capacity: 1) { UInt16(bigEndian: $0.pointee.sin_port) }
            }
        }
    }
}
