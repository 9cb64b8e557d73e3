import Synchronization

/// An HTTP/1.1 server on a free loopback port that keeps what it is sent and answers as the test says.
public final class TestHTTPServer: Sendable {
    public struct Request: Sendable {
        public let method: String
        /// Path and query as they were sent.
        public let target: String
        /// Names in lower case.
        public let headers: [String: String]
        public let body: [UInt8]
        public var text: String { String(decoding: body, as: UTF8.self) }
    }

    public struct Response: Sendable {
        public var status: Int
        public var headers: [(String, String)]
        public var body: [UInt8]
        /// True: the connection is closed in place of an answer.
        public var drops: Bool

        public init(_ status: Int = 200, headers: [(String, String)] = [], body: String = "", drops: Bool = false) {
            self.status = status
            self.headers = headers
            self.body = Array(body.utf8)
            self.drops = drops
        }
    }

    private final class Shared: Sendable {
        let requests = Mutex<[Request]>([])
        let respond: @Sendable (Request) -> Response
        init(_ respond: @escaping @Sendable (Request) -> Response) { self.respond = respond }
    }

    private let shared: Shared
    private let listener: TestListener

    /// `respond` is called on the connection's thread; it may block.
    public init(_ respond: @escaping @Sendable (Request) -> Response = { _ in Response() }) {
        let shared = Shared(respond)
        self.shared = shared
        listener = TestListener { connection in
            while let request = Self.read(connection) {
                shared.requests.withLock { $0.append(request) }
                let response = shared.respond(request)
                if response.drops { return }
                Self.write(response, to: connection, isHead: request.method == "HEAD")
            }
        }
    }

    public var port: Int { Int(listener.port) }
    /// `http://127.0.0.1:PORT`, without a slash at the end.
    public var url: String { "http://127.0.0.1:\(port)" }
    /// All that was received so far, in the order of arrival.
    public var requests: [Request] { shared.requests.withLock { $0 } }
    public func stop() { listener.stop() }

    private static func read(_ connection: TestConnection) -> Request? {
        guard let first = connection.line() else { return nil }
        let parts = first.split(separator: " ")
        guard parts.count == 3 else { return nil }
        var headers: [String: String] = [:]
        while let line = connection.line(), !line.isEmpty {
            guard let colon = line.firstIndex(of: ":") else { return nil }
            headers[line[..<colon].lowercased()] = String(line[line.index(after: colon)...].drop { $0 == " " })
        }
        var body: [UInt8] = []
        if let length = headers["content-length"].flatMap({ Int($0) }) {
            guard let bytes = connection.bytes(length) else { return nil }
            body = bytes
        } else if headers["transfer-encoding"]?.lowercased() == "chunked" {
            while let line = connection.line(), let size = Int(line.prefix { $0 != ";" }, radix: 16) {
                guard size > 0 else { break }
                guard let bytes = connection.bytes(size) else { return nil }
                body += bytes
                _ = connection.line()
            }
            while let line = connection.line(), !line.isEmpty {}
        }
        return Request(method: String(parts[0]), target: String(parts[1]), headers: headers, body: body)
    }

    private static func write(_ response: Response, to connection: TestConnection, isHead: Bool) {
        var text = "HTTP/1.1 \(response.status) Test\r\n"
        for (name, value) in response.headers { text += "\(name): \(value)\r\n" }
        if response.status != 204 && response.status != 304 { text += "Content-Length: \(response.body.count)\r\n" }
        connection.write(Array((text + "\r\n").utf8) + (isHead ? [] : response.body))
    }
}
