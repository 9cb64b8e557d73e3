import Glibc

/// One connection to the broker under test, with a bound on every wait.
final class FuzzConnection {
    enum Outcome {
        case answer([UInt8])
        case closed
        case silent
    }

    private let descriptor: Int32

    /// nil when nobody listens.
    init?(port: UInt16) {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        let status = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) }
        }
        // A port stays taken after each close else, and there are only so many.
        var linger = linger(l_onoff: 1, l_linger: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &linger, socklen_t(MemoryLayout.size(ofValue: linger)))
        if status != 0 { return nil }
    }

    deinit { close(descriptor) }

    func send(_ bytes: [UInt8]) {
        var sent = 0
        while sent < bytes.count {
            let count = bytes.withUnsafeBytes { Glibc.send(descriptor, $0.baseAddress! + sent, bytes.count - sent, Int32(MSG_NOSIGNAL)) }
            // The broker closes when it has seen enough.
            guard count > 0 else { return }
            sent += count
        }
    }

    /// Says that nothing more comes.
    func endSending() { shutdown(descriptor, Int32(SHUT_WR)) }

    /// The next frame, without its size.
    func receive(milliseconds: Int32) -> Outcome {
        var head: [UInt8] = []
        if let outcome = read(4, milliseconds, into: &head) { return outcome }
        let size = head.reduce(0) { $0 << 8 | Int($1) }
        var body: [UInt8] = []
        if let outcome = read(size, milliseconds, into: &body) { return outcome }
        return .answer(body)
    }

    private func read(_ count: Int, _ milliseconds: Int32, into bytes: inout [UInt8]) -> Outcome? {
        var piece = [UInt8](repeating: 0, count: min(count, 65_536))
        while bytes.count < count {
            var poll = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            guard Glibc.poll(&poll, 1, milliseconds) > 0 else { return .silent }
            let received = recv(descriptor, &piece, min(piece.count, count - bytes.count), 0)
            guard received > 0 else { return .closed }
            bytes += piece[..<received]
        }
        return nil
    }
}
