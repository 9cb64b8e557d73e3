import Glibc
import Synchronization

/// A listening loopback socket and its accepted connections, for servers that tests play. Blocking calls on threads of their own.
final class TestListener: Sendable {
    let port: UInt16
    private let socket: ListeningSocket

    /// Listens on a free port of 127.0.0.1 and calls `serve` on a thread of its own for each connection; closes the connection afterwards.
    init(serve: @escaping @Sendable (TestConnection) -> Void) {
        let listening = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        precondition(listening >= 0, "no socket for a test server")
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let bound = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
                bind(listening, pointer, length) == 0 && listen(listening, 64) == 0 && getsockname(listening, pointer, &length) == 0
            }
        }
        precondition(bound, "a test server cannot listen: \(String(cString: strerror(errno)))")
        port = UInt16(bigEndian: address.sin_port)
        let socket = ListeningSocket(listening)
        self.socket = socket
        startThread {
            while true {
                let accepted = accept(listening, nil, nil)
                if accepted < 0 && (errno == EINTR || errno == ECONNABORTED) { continue }
                guard accepted >= 0 else { break }
                _ = fcntl(accepted, F_SETFD, FD_CLOEXEC)
                startThread {
                    serve(TestConnection(descriptor: accepted))
                    close(accepted)
                }
            }
            socket.close()
        }
    }

    /// Refuses new connections from now on.
    func stop() { socket.shutDown() }

    deinit { stop() }
}

/// A socket that is not touched any more once it is closed: its number is somebody else's then.
private final class ListeningSocket: Sendable {
    private let descriptor: Mutex<Int32?>

    init(_ descriptor: Int32) { self.descriptor = Mutex(descriptor) }

    func shutDown() { descriptor.withLock { if let open = $0 { shutdown(open, Int32(SHUT_RDWR)) } } }

    func close() {
        descriptor.withLock { descriptor in
            if let open = descriptor { _ = Glibc.close(open) }
            descriptor = nil
        }
    }
}

/// One connection of a test server. Used by one thread.
final class TestConnection {
    let descriptor: Int32
    private var buffer: [UInt8] = []

    init(descriptor: Int32) {
        self.descriptor = descriptor
        var limit = timeval(tv_sec: 20, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
    }

    /// The next line without its end; nil when the other side has closed or 20 s have passed.
    func line() -> String? {
        while true {
            if let end = buffer.firstIndex(of: 0x0a) {
                let line = String(decoding: buffer[..<end], as: UTF8.self)
                buffer.removeSubrange(...end)
                return line.last == "\r" ? String(line.dropLast()) : line
            }
            guard fill() else { return nil }
        }
    }

    func bytes(_ count: Int) -> [UInt8]? {
        while buffer.count < count { guard fill() else { return nil } }
        defer { buffer.removeFirst(count) }
        return Array(buffer[..<count])
    }

    func write(_ bytes: [UInt8]) {
        var sent = 0
        while sent < bytes.count {
            let count = bytes[sent...].withUnsafeBytes { send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
            guard count > 0 else { return }
            sent += count
        }
    }

    private func fill() -> Bool {
        var chunk = [UInt8](repeating: 0, count: 16 << 10)
        let count = recv(descriptor, &chunk, chunk.count, 0)
        guard count > 0 else { return false }
        buffer.append(contentsOf: chunk[..<count])
        return true
    }
}

private final class ThreadBody: Sendable {
    let run: @Sendable () -> Void
    init(_ run: @escaping @Sendable () -> Void) { self.run = run }
}

private func startThread(_ body: @escaping @Sendable () -> Void) {
    var thread = pthread_t()
    let status = pthread_create(
        &thread, nil,
        { context in
            guard let context else { return nil }
            Unmanaged<ThreadBody>.fromOpaque(context).takeRetainedValue().run()
            return nil
        }, Unmanaged.passRetained(ThreadBody(body)).toOpaque())
    precondition(status == 0, "no thread for a test server")
    pthread_detach(thread)
}
