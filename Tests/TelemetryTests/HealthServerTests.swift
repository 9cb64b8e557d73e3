import Envelopes
import Glibc
import MeshTesting
import Testing

@testable import Telemetry

/// Sends bytes over TCP and reads what comes back until the other side closes; nil when there is no connection.
private func exchange(_ port: UInt16, _ request: [UInt8]) -> String? {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
    let connected = withUnsafePointer(to: &address) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) }
    }
    guard connected == 0 else { return nil }
    var limit = timeval(tv_sec: 60, tv_usec: 0)
    setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
    _ = send(descriptor, request, request.count, Int32(MSG_NOSIGNAL))
    shutdown(descriptor, Int32(SHUT_WR))
    var answer: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 65_536)
    while true {
        let count = recv(descriptor, &chunk, chunk.count, 0)
        guard count > 0 else { break }
        answer += chunk[..<count]
    }
    return String(decoding: answer, as: UTF8.self)
}

private func request(_ method: String, _ path: String) -> [UInt8] {
    Array("\(method) \(path) HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".utf8)
}

@Suite struct HealthServerTests {
    private func server() throws -> HealthServer {
        let metrics = Metrics()
        metrics.counter("a_total", help: "A.").add(1)
        return try HealthServer(routes: [
            "/health": { .json(.object(["status": .string("up")])) },
            "/ready": { .json(.object(["ready": .bool(false)]), status: 503) },
            "/metrics": { .metrics(metrics) },
        ])
    }

    @Test func answersItsPaths() throws {
        let server = try server()
        defer { server.stop() }
        #expect(server.port != 0)
        let health = try #require(exchange(server.port, request("GET", "/health")))
        #expect(health.hasPrefix("HTTP/1.1 200 "))
        #expect(health.contains("Content-Type: application/json\r\n"))
        #expect(health.hasSuffix("\r\n\r\n{\"status\":\"up\"}\n"))
        #expect(exchange(server.port, request("GET", "/ready"))?.hasPrefix("HTTP/1.1 503 ") == true)
        let metrics = try #require(exchange(server.port, request("GET", "/metrics?x=1")))
        #expect(metrics.contains("Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n"))
        #expect(metrics.hasSuffix("\na_total 1\n"))
        let head = try #require(exchange(server.port, request("HEAD", "/health")))
        #expect(head.hasPrefix("HTTP/1.1 200 ") && head.hasSuffix("\r\n\r\n"))
        #expect(exchange(server.port, request("GET", "/nothing"))?.hasPrefix("HTTP/1.1 404 ") == true)
        #expect(exchange(server.port, request("DELETE", "/health"))?.hasPrefix("HTTP/1.1 405 ") == true)
        let post = Array("POST /health HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nConnection: close\r\n\r\nabc".utf8)
        #expect(exchange(server.port, post)?.hasPrefix("HTTP/1.1 405 ") == true)
    }

    @Test func aTakenPortIsSaid() throws {
        let server = try server()
        defer { server.stop() }
        #expect(throws: HealthServerError.self) { try HealthServer(port: server.port, routes: [:]) }
        #expect(throws: HealthServerError.self) { try HealthServer(host: "localhost.example", routes: [:]) }
    }

    @Test func stoppingFreesThePort() throws {
        let first = try server()
        first.stop()
        first.stop()
        let second = try HealthServer(port: first.port, routes: [:])
        second.stop()
        #expect(exchange(first.port, request("GET", "/health")) == nil)
    }

    @Test func noRequestStopsIt() throws {
        let server = try server()
        defer { server.stop() }
        var generator = SeededGenerator(seed: 32)
        var requests: [[UInt8]] = [
            [], Array("GET".utf8), Array("GET / HTTP/9.9\r\n\r\n".utf8), Array("\r\n\r\n".utf8),
            Array("GET /\(String(repeating: "a", count: 100_000)) HTTP/1.1\r\n\r\n".utf8),
            Array("GET /health HTTP/1.1\r\n\(String(repeating: "X: y\r\n", count: 10_000))\r\n".utf8),
            Array("POST /health HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n".utf8),
        ]
        for _ in 0..<200 { requests.append(generator.mutated(request("GET", "/metrics"))) }
        for bytes in requests { _ = exchange(server.port, bytes) }
        #expect(exchange(server.port, request("GET", "/health"))?.hasPrefix("HTTP/1.1 200 ") == true)
    }
}
