import Glibc

/// Ports of the loopback interface.
public enum FreePort {
    /// A port that nobody listens on at this moment. It is not one of those that the kernel gives to whoever asks for any: such a one could be
    /// somebody else's before it is used, and what answers on it would be taken for what was started.
    public static func choose() throws(NoFreePort) -> UInt16 {
        let ports = 20_000..<min(firstEphemeral, 60_000)
        if ports.count >= 1_000 {
            for _ in 0..<100 {
                if let port = try bound(UInt16(Int.random(in: ports))) { return port }
            }
        }
        guard let port = try bound(0) else { throw NoFreePort("no free port", errno) }
        return port
    }

    /// Where the ports begin that the kernel gives out; Linux's own default where it does not say.
    private static var firstEphemeral: Int {
        guard let file = fopen("/proc/sys/net/ipv4/ip_local_port_range", "r") else { return 32_768 }
        defer { fclose(file) }
        var line = [CChar](repeating: 0, count: 64)
        guard fgets(&line, Int32(line.count), file) != nil else { return 32_768 }
        return max(20_000, Int(strtol(line, nil, 10)))
    }

    /// The port that could be bound, 0 standing for any; nil when it could not.
    private static func bound(_ port: UInt16) throws(NoFreePort) -> UInt16? {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw NoFreePort("no socket can be made", errno) }
        defer { close(descriptor) }
        var address = loopback(port)
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isBound = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { generic in
                bind(descriptor, generic, size) == 0 && getsockname(descriptor, generic, &size) == 0
            }
        }
        return isBound ? UInt16(bigEndian: address.sin_port) : nil
    }

    /// Whether somebody listens on the port.
    public static func accepts(_ port: UInt16) -> Bool {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        return connects(descriptor, to: port)
    }

    /// Connects the socket, a TCP one, to the port; false when nobody takes the connection.
    public static func connects(_ descriptor: Int32, to port: UInt16) -> Bool {
        var address = loopback(port)
        return withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
            }
        }
    }

    private static func loopback(_ port: UInt16) -> sockaddr_in {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        return address
    }
}

/// Why there is no port to be had.
public struct NoFreePort: Error, Sendable, CustomStringConvertible {
    public let description: String

    init(_ what: String, _ code: Int32) { description = "\(what): \(String(cString: strerror(code)))" }
}
