import Glibc
import KafkaProtocol

/// One client. Its requests are answered in order, and the next is read only when the answer to the one before is on its way, so what a client can
/// keep waiting here is one request and one answer.
final class Connection {
    let session: Session
    private(set) var lastActivity: Int64
    private unowned let server: Server
    private let descriptor: Int32
    private var token: UInt64 = 0
    private var reader: FrameReader
    private var writer = FrameWriter()
    /// A request waits for its answer.
    private var isBusy = false
    private var isReading = false
    /// Requests are read when this turn of the loop is over.
    private var willGoOn = false
    private var isClosed = false
    /// The answer that is on its way is the last.
    private var closesAfterAnswer = false
    private var interest: EventLoop.Interest = .read

    /// Takes the descriptor over.
    init(_ descriptor: Int32, session: Session, server: Server) throws(NetworkError) {
        self.descriptor = descriptor
        self.session = session
        self.server = server
        lastActivity = server.loop.now
        reader = FrameReader(maximumSize: server.settings.maximumRequestBytes)
        var one: Int32 = 1
        setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &one, socklen_t(MemoryLayout<Int32>.size))
        do throws(NetworkError) {
            token = try server.loop.watch(descriptor, .read) { [unowned self] in ready() }
        } catch {
            Glibc.close(descriptor)
            throw error
        }
    }

    /// Whether it is the client's turn: it has nothing to wait for, or does not read what it is sent.
    var waitsForClient: Bool { !isBusy || !writer.isEmpty }

    private func ready() {
        lastActivity = server.loop.now
        if !writer.isEmpty { flush() }
        if isClosed || willGoOn || !writer.isEmpty { return }
        if isBusy { checkStillThere() } else { readRequests() }
    }

    /// While a request waits for its answer, epoll tells only of failures and of the other side's end.
    private func checkStillThere() {
        var byte: UInt8 = 0
        let count = recv(descriptor, &byte, 1, Int32(MSG_PEEK) | Int32(MSG_DONTWAIT))
        if count < 0 && errno != EAGAIN && errno != EINTR { return close() }
        let events = eventsOfTheEnd
        // Of one that is broken off nothing can be answered.
        if events & Int16(POLLERR | POLLHUP) != 0 || count == 0 && !reader.hasFrame { return close() }
        guard count == 0 || count > 0 && events != 0 else { return }
        // More requests came before the end, and are answered yet. What is told again and again would keep the loop busy.
        want([])
        session.end()
    }

    /// Whether the other side sends no more (POLLRDHUP), or the connection is broken off; bytes may wait that came before.
    private var eventsOfTheEnd: Int16 {
        var poller = pollfd(fd: descriptor, events: Int16(EventLoop.Interest.hangup.rawValue), revents: 0)
        return poll(&poller, 1, 0) > 0 ? poller.revents : 0
    }

    /// Takes what has come in, up to this connection's share of a turn: a client that sends faster than it is answered would stop all the others else, and the
    /// timers with them.
    private func readRequests() {
        isReading = true
        defer { isReading = false }
        var (requests, bytes) = (0, 0)
        while !isBusy, !isClosed, writer.isEmpty {
            guard requests < server.settings.requestsInATurn, bytes < server.settings.bytesInATurn else { return goOnNextTurn() }
            reader.maximumSize = min(server.settings.maximumRequestBytes, server.processor.maximumRequestBytes(session))
            switch reader.next(descriptor, scratch: server.scratch) {
            case .frame(let frame):
                requests += 1
                bytes += frame.count
                take(frame)
            case .later: return want(.read)
            case .closed: return close()
            case .badSize(let size):
                server.report(
                    .badFrame(session, reason: "a request of \(size) bytes; at most \(reader.maximumSize) are read"))
                return close()
            }
        }
        if !isClosed { want(writer.isEmpty ? .hangup : .write) }
    }

    /// The next request may lie in `reader` already, and the system tells nothing of that.
    private func goOnNextTurn() {
        guard !willGoOn else { return }
        willGoOn = true
        server.loop.afterThisTurn { [weak self] in
            guard let self, !isClosed else { return }
            willGoOn = false
            lastActivity = server.loop.now
            readRequests()
        }
    }

    private func take(_ frame: [UInt8]) {
        isBusy = true
        do {
            try server.processor.process(frame, session) { [weak self] answer in self?.finish(answer) }
        } catch {
            server.report(.badFrame(session, reason: "\(error)"))
            close()
        }
    }

    /// The answer to the request that is being handled.
    private func finish(_ answer: RequestProcessor.Answer) {
        guard !isClosed else { return }
        isBusy = false
        session.whenEnded = nil
        switch answer {
        case .send(let parts): writer.add(parts)
        case .sendAndClose(let parts):
            writer.add(parts)
            closesAfterAnswer = true
        case .nothing: break
        case .close: return close()
        }
        flush()
        // An answer that comes at once comes within `readRequests`, which goes on; a later one comes from amid other work, which has to end first.
        if !isReading, !isClosed, writer.isEmpty { goOnNextTurn() }
    }

    private func flush() {
        let outcome = writer.send(descriptor)
        if outcome == .failed || (outcome == .sent && closesAfterAnswer) { return close() }
        if outcome == .later { want(.write) }
    }

    private func want(_ interest: EventLoop.Interest) {
        guard interest != self.interest else { return }
        self.interest = interest
        server.loop.change(token, to: interest)
    }

    func close() {
        guard !isClosed else { return }
        isClosed = true
        server.loop.forget(token)
        Glibc.close(descriptor)
        server.closed(self)
        session.end()
    }
}
