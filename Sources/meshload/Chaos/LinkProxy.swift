import Glibc
import Kafka
import Synchronization

/// A TCP proxy of ours between the bots and the broker: cuts, silences and slows links by the client id that each connection's first request names.
///
/// One thread serves all connections. The broker must advertise the proxy's address, or clients go around it.
final class LinkProxy: Sendable {
    let port: UInt16
    private struct Rules {
        var byClient: [String: LinkWeather] = [:]
        /// How often the weather of a client has ended a connection or held bytes since it is so.
        var touched: [String: Int] = [:]
        var isOver = false
    }
    private let rules = Mutex(Rules())
    private let listener: Int32

    /// Listens on a free port of the loopback; connects to `upstream` on it for each connection.
    init(upstream: UInt16) throws {
        (listener, port) = try LoopbackSocket.listen()
        DedicatedThread.start(name: "link-proxy") { [self] in
            var loop = ProxyLoop(listener, upstream: upstream, rules: self)
            loop.run()
        }
    }

    /// What links of this client are like from now on. Returns how they were before, and how often that was felt.
    @discardableResult
    func set(_ weather: LinkWeather, client: String) -> (before: LinkWeather, touched: Int) {
        rules.withLock { rules in
            let before = rules.byClient.updateValue(weather, forKey: client) ?? .fine
            return (before, rules.touched.updateValue(0, forKey: client) ?? 0)
        }
    }

    fileprivate func touched(_ client: String) { rules.withLock { $0.touched[client, default: 0] += 1 } }

    func weather(of client: String) -> LinkWeather { rules.withLock { $0.byClient[client] ?? .fine } }

    func stop() { rules.withLock { $0.isOver = true } }
    var isOver: Bool { rules.withLock { $0.isOver } }
}

/// The proxy's thread.
private struct ProxyLoop {
    private let listener: Int32
    private let upstream: UInt16
    private let rules: LinkProxy
    private var links: [ProxyLink] = []

    init(_ listener: Int32, upstream: UInt16, rules: LinkProxy) {
        self.listener = listener
        self.upstream = upstream
        self.rules = rules
    }

    mutating func run() {
        while !rules.isOver {
            var wishes = [pollfd(fd: listener, events: Int16(POLLIN), revents: 0)]
            let now = uptimeSeconds()
            for link in links { wishes += link.wishes(weather(of: link), at: now) }
            // Short, for what a slow link lets through next and for a change of the weather.
            _ = poll(&wishes, nfds_t(wishes.count), 5)
            if wishes[0].revents != 0 { accept() }
            let later = uptimeSeconds()
            for link in links {
                if link.serve(weather(of: link), at: later), let client = link.client { rules.touched(client) }
            }
            for link in links where link.isOver { link.close() }
            links.removeAll(where: \.isOver)
        }
        for link in links { link.close() }
        close(listener)
    }

    /// Until a connection has said whose it is, it is let through as far as that.
    private func weather(of link: ProxyLink) -> LinkWeather { link.client.map { rules.weather(of: $0) } ?? .fine }

    private mutating func accept() {
        let client = Glibc.accept(listener, nil, nil)
        guard client >= 0 else { return }
        guard let broker = LoopbackSocket.connect(to: upstream) else {
            close(client)
            return
        }
        links.append(ProxyLink(client: client, broker: broker))
    }
}
