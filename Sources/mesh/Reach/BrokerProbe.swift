import Glibc
import Kafka

/// Tries to connect to a broker's addresses: librdkafka itself only says that nobody answered.
enum BrokerProbe {
    /// Throws when no address takes a connection within `limit` each; costs one connection where the first is well.
    static func check(_ settings: ClientSettings, limit: Duration = .seconds(3)) throws(NoBroker) {
        var findings: [(BrokerAddress, Reach)] = []
        for address in BrokerAddress.list(settings.bootstrapServers) {
            let reach = reach(address, limit: limit)
            if reach == .connects { return }
            findings.append((address, reach))
        }
        if !findings.isEmpty { throw NoBroker(findings, protocolName: settings["security.protocol"]) }
    }

    /// What to say of a broker that did not answer a request.
    static func explain(_ settings: ClientSettings, limit: Duration = .seconds(3)) -> NoBroker {
        let findings = BrokerAddress.list(settings.bootstrapServers).map { ($0, reach($0, limit: limit)) }
        return NoBroker(findings, protocolName: settings["security.protocol"])
    }

    /// Connects and hangs up again; every address that the name has is tried, within `limit` altogether.
    static func reach(_ address: BrokerAddress, limit: Duration) -> Reach {
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var found: UnsafeMutablePointer<addrinfo>?
        let status = getaddrinfo(address.host, String(address.port), &hints, &found)
        guard status == 0 else { return .unresolved(String(cString: gai_strerror(status))) }
        defer { freeaddrinfo(found) }
        let deadline = ContinuousClock.now.advanced(by: limit)
        var reach = Reach.failed("the name has no address")
        var next = found
        while let candidate = next?.pointee {
            reach = connect(candidate, deadline: deadline, limit: limit)
            if reach == .connects { return reach }
            next = candidate.ai_next
        }
        return reach
    }

    private static func connect(_ candidate: addrinfo, deadline: ContinuousClock.Instant, limit: Duration) -> Reach {
        let kind = candidate.ai_socktype | Int32(SOCK_CLOEXEC.rawValue) | Int32(SOCK_NONBLOCK.rawValue)
        let descriptor = socket(candidate.ai_family, kind, candidate.ai_protocol)
        guard descriptor >= 0 else { return .failed(String(cString: strerror(errno))) }
        defer { close(descriptor) }
        if Glibc.connect(descriptor, candidate.ai_addr, candidate.ai_addrlen) == 0 { return .connects }
        guard errno == EINPROGRESS else { return outcome(of: errno) }
        while true {
            let left = Int32(clamping: Int64(ContinuousClock.now.duration(to: deadline) / .milliseconds(1)))
            var poller = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
            let count = left > 0 ? poll(&poller, 1, left) : 0
            if count == 0 { return .timedOut(limit) }
            if count < 0 && errno == EINTR { continue }
            var error: Int32 = 0
            var size = socklen_t(MemoryLayout<Int32>.size)
            guard count > 0, getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &error, &size) == 0 else { return outcome(of: errno) }
            return error == 0 ? .connects : outcome(of: error)
        }
    }

    private static func outcome(of error: Int32) -> Reach {
        error == ECONNREFUSED ? .refused : .failed(String(cString: strerror(error)))
    }
}
