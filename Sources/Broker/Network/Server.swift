import KafkaProtocol

/// Accepts connections and keeps them.
final class Server {
    struct Settings {
        /// Kafka's `socket.request.max.bytes`.
        var maximumRequestBytes = 100 << 20
        /// Kafka's `max.connections`.
        var maximumConnections = 4096
        /// Kafka's `connections.max.idle.ms`.
        var maximumIdleMs: Int64 = 600_000
        /// What one connection gets in a turn of the loop, before the others, the timers and the disk have theirs; the request that reaches it is the last.
        var requestsInATurn = 16
        var bytesInATurn = 1 << 20
        /// Connections that are taken in one turn.
        var connectionsInATurn = 64

        init() {}
    }

    let loop: EventLoop
    let processor: RequestProcessor
    let settings: Settings
    let address: ListenAddress
    let report: (ServerNotice) -> Void
    /// Where what comes in is received, for all connections in turn.
    let scratch = UnsafeMutableRawBufferPointer.allocate(byteCount: 64 << 10, alignment: 8)
    private let listener: Listener
    private var listenerToken: UInt64 = 0
    private var connections: [Int: Connection] = [:]
    private var lastConnection = 0

    init(
        _ listener: Listener, loop: EventLoop, processor: RequestProcessor, settings: Settings, report: @escaping (ServerNotice) -> Void
    ) throws(NetworkError) {
        self.loop = loop
        self.processor = processor
        self.settings = settings
        self.report = report
        self.listener = listener
        address = listener.address
        listenerToken = try loop.watch(listener.descriptor, .read) { [unowned self] in acceptSome() }
        closeIdle()
    }

    deinit { scratch.deallocate() }

    var connectionCount: Int { connections.count }

    /// Takes those who wait; the system tells of the rest again.
    private func acceptSome() {
        do throws(NetworkError) {
            for _ in 0..<settings.connectionsInATurn {
                guard let (descriptor, host) = try listener.accept() else { return }
                open(descriptor, host)
            }
        } catch {
            // Out of descriptors: those who wait are taken when others have gone.
            report(.cannotAccept(error))
            loop.change(listenerToken, to: [])
            loop.schedule(after: 100) { [weak self] in
                guard let self else { return }
                loop.change(listenerToken, to: .read)
            }
        }
    }

    private func open(_ descriptor: Int32, _ host: String) {
        lastConnection += 1
        let session = Session(connection: lastConnection, host: "/" + host)
        do throws(NetworkError) {
            let connection = try Connection(descriptor, session: session, server: self)
            guard connections.count < settings.maximumConnections else {
                report(.tooManyConnections(session, limit: settings.maximumConnections))
                return connection.close()
            }
            connections[session.connection] = connection
        } catch {
            report(.cannotAccept(error))
        }
    }

    func closed(_ connection: Connection) { connections[connection.session.connection] = nil }

    /// Closes the connections whose client's id begins with `prefix`; for tests that cut clients off.
    func cut(where isMeant: (Session) -> Bool) -> Int {
        let meant = connections.values.filter { isMeant($0.session) }
        for connection in meant { connection.close() }
        return meant.count
    }

    private func closeIdle() {
        let limit = loop.now - settings.maximumIdleMs
        for connection in connections.values where connection.waitsForClient && connection.lastActivity < limit { connection.close() }
        loop.schedule(after: min(10_000, max(100, settings.maximumIdleMs / 4))) { [weak self] in self?.closeIdle() }
    }

    /// No more connections, and none of those that are.
    func stop() {
        loop.forget(listenerToken)
        for connection in connections.values {
            // Who waits goes on waiting: the end of the broker is nobody's leaving.
            connection.session.whenEnded = nil
            connection.close()
        }
    }
}

/// What the network part wants to be logged.
enum ServerNotice {
    case badFrame(Session, reason: String)
    case cannotAccept(NetworkError)
    case tooManyConnections(Session, limit: Int)
}
