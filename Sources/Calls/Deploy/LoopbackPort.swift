import BotKit
import Glibc

/// Ports of this machine's loopback interface.
enum LoopbackPort {
    /// A port that was free a moment ago. It lies below those that Linux gives to whoever asks for any (32768 and above): the ports of connections are
    /// among these, and a service that takes its port later, or one beside it, could find it taken.
    static func spare() throws(CallFailure) -> Int {
        for _ in 0..<100 { if let port = try bound(UInt16.random(in: 20_000..<32_768)) { return port } }
        guard let port = try bound(0) else { throw noPort() }
        return port
    }

    private static func noPort() -> CallFailure {
        CallFailure(.transient, code: "no-port", message: "no spare port: \(errorText(errno))")
    }

    /// The port that could be bound, 0 standing for any; nil when it could not.
    private static func bound(_ port: UInt16) throws(CallFailure) -> Int? {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw noPort() }
        defer { close(descriptor) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isBound = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
                bind(descriptor, pointer, length) == 0 && getsockname(descriptor, pointer, &length) == 0
            }
        }
        return isBound ? Int(UInt16(bigEndian: address.sin_port)) : nil
    }

    /// Whether somebody listens on the port.
    static func isTaken(_ port: Int) -> Bool {
        guard let number = UInt16(exactly: port) else { return false }
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = number.bigEndian
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        return withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
            }
        }
    }
}
