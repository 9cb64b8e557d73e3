import Glibc
import LoopbackPorts

/// One connection through the proxy, and what is on its way in both directions.
final class ProxyLink {
    /// Bytes on their way in one direction; bounded, for no more is read while it is full.
    private struct Direction {
        var chunks: [(bytes: [UInt8], due: Double)] = []
        var count = 0
        /// When a slow link is free for the next bytes.
        var free = 0.0
        static let capacity = 1 << 20
        var hasRoom: Bool { count < Self.capacity }
    }

    private let sides: [Int32]
    /// 0: towards the broker; 1: towards the client.
    private var directions = [Direction(), Direction()]
    /// The client id of the first request; nil until it has come.
    private(set) var client: String?
    private(set) var isOver = false

    init(client: Int32, broker: Int32) { sides = [client, broker] }

    func close() { for side in sides { Glibc.close(side) } }

    /// What the two sockets are waited for.
    func wishes(_ weather: LinkWeather, at now: Double) -> [pollfd] {
        guard weather != .silent else { return [] }
        return [0, 1].map { side in
            let outgoing = directions[1 - side]
            let hasDue = outgoing.chunks.first.map { $0.due <= now && (side == 0 || client != nil) } ?? false
            let events = (directions[side].hasRoom ? Int16(POLLIN) : 0) | (hasDue ? Int16(POLLOUT) : 0)
            return pollfd(fd: sides[side], events: events, revents: 0)
        }
    }

    /// Whether the weather did something: ended the connection, or held bytes back.
    func serve(_ weather: LinkWeather, at now: Double) -> Bool {
        switch weather {
        case .cut: isOver = true
        case .silent: return hasBytes
        case .fine: pass(delay: 0, bytesPerSecond: nil, now)
        case .slow(let delay, let rate):
            pass(delay: Double(delay) / 1_000, bytesPerSecond: Double(rate) * 1_000, now)
            return directions.contains { $0.count > 0 }
        }
        return weather == .cut
    }

    /// Whether bytes wait at one of the sides, or were taken in and not handed on.
    private var hasBytes: Bool {
        if directions.contains(where: { $0.count > 0 }) { return true }
        var byte: UInt8 = 0
        return sides.contains { recv($0, &byte, 1, Int32(MSG_PEEK) | Int32(MSG_DONTWAIT)) > 0 }
    }

    private func pass(delay: Double, bytesPerSecond: Double?, _ now: Double) {
        for side in [0, 1] where !isOver {
            receive(side, delay, bytesPerSecond, now)
            // What the client says goes on once it is known whose it is: its link may be cut.
            if client != nil { send(side, now) }
        }
    }

    private func receive(_ side: Int, _ delay: Double, _ bytesPerSecond: Double?, _ now: Double) {
        guard directions[side].hasRoom else { return }
        var buffer = [UInt8](repeating: 0, count: 64 << 10)
        let count = recv(sides[side], &buffer, buffer.count, Int32(MSG_DONTWAIT))
        if count > 0 {
            var due = now + delay
            if let bytesPerSecond {
                directions[side].free = max(now, directions[side].free) + Double(count) / bytesPerSecond
                due = directions[side].free + delay
            }
            directions[side].chunks.append((Array(buffer[..<count]), due))
            directions[side].count += count
            if side == 0, client == nil { client = Self.clientID(directions[0].chunks.flatMap(\.bytes)) }
        } else if count == 0 || errno != EAGAIN && errno != EINTR {
            isOver = true
        }
    }

    private func send(_ side: Int, _ now: Double) {
        while let first = directions[side].chunks.first, first.due <= now {
            let count = Glibc.send(sides[1 - side], first.bytes, first.bytes.count, Int32(MSG_DONTWAIT) | Int32(MSG_NOSIGNAL))
            guard count > 0 else {
                if errno != EAGAIN, errno != EINTR { isOver = true }
                return
            }
            directions[side].count -= count
            if count == first.bytes.count {
                directions[side].chunks.removeFirst()
            } else {
                directions[side].chunks[0].bytes.removeFirst(count)
                return
            }
        }
    }

    /// The client id in the header of a Kafka request: size (4 bytes), API and version (2 each), correlation id (4), then a string with a length of 2.
    static func clientID(_ bytes: [UInt8]) -> String? {
        guard bytes.count >= 14 else { return nil }
        let length = Int(Int16(bitPattern: UInt16(bytes[12]) << 8 | UInt16(bytes[13])))
        guard length > 0 else { return "" }
        guard bytes.count >= 14 + length else { return nil }
        return String(decoding: bytes[14..<14 + length], as: UTF8.self)
    }
}

/// Sockets of the loopback.
enum LoopbackSocket {
    /// A listening socket on a free port.
    static func listen() throws -> (descriptor: Int32, port: UInt16) {
        let descriptor = make()
        var address = address(0)
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isReady = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { generic in
                bind(descriptor, generic, size) == 0 && getsockname(descriptor, generic, &size) == 0
            }
        }
        guard isReady, Glibc.listen(descriptor, 128) == 0 else {
            throw LoadFailure("the proxy cannot listen: \(String(cString: strerror(errno)))")
        }
        return (descriptor, UInt16(bigEndian: address.sin_port))
    }

    /// A connection; nil when nobody listens.
    static func connect(to port: UInt16) -> Int32? {
        let descriptor = make()
        guard FreePort.connects(descriptor, to: port) else {
            close(descriptor)
            return nil
        }
        return descriptor
    }

    private static func make() -> Int32 { socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0) }

    private static func address(_ port: UInt16) -> sockaddr_in {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        return address
    }
}
