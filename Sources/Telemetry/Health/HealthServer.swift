import CMicroHTTPD
import Envelopes
import Glibc
import Synchronization

/// A small HTTP server for `/health`, `/ready` and `/metrics`. It answers GET and HEAD, on a thread of its own.
///
/// Bounded: `maximumConnections` at once, 16 KiB for a request's head, `timeoutSeconds` for a silent client; a request's body is not read.
public final class HealthServer: Sendable {
    public static let maximumConnections: UInt32 = 32
    public static let timeoutSeconds: UInt32 = 10

    /// What one path answers.
    public struct Response: Sendable {
        public let status: Int
        public let contentType: String
        public let body: [UInt8]

        public init(status: Int, contentType: String, body: [UInt8]) {
            self.status = status
            self.contentType = contentType
            self.body = body
        }

        public static func json(_ value: JSONValue, status: Int = 200) -> Response {
            Response(status: status, contentType: "application/json", body: value.bytes + [UInt8(ascii: "\n")])
        }

        public static func text(_ text: String, status: Int = 200) -> Response {
            Response(status: status, contentType: "text/plain; charset=utf-8", body: Array(text.utf8))
        }

        /// The answer to `/metrics`.
        public static func metrics(_ metrics: Metrics) -> Response {
            Response(status: 200, contentType: Metrics.contentType, body: Array(metrics.text.utf8))
        }
    }

    /// Asked on the server's thread for each request; must not block.
    public typealias Handler = @Sendable () -> Response
    /// The same for a POST, with what stands after the `?`, decoded.
    public typealias Command = @Sendable (_ arguments: [String: String]) -> Response

    /// The port that it listens on: the real one, also when it was asked for port 0.
    public let port: UInt16
    /// The daemon and the routes that it borrows; nil once it is stopped.
    private let running: Mutex<Running?>

    private struct Running: @unchecked Sendable {
        // `daemon` is a handle of libmicrohttpd, which may be stopped from any thread; it is used once, by `stop`.
        let daemon: OpaquePointer
        let routes: Unmanaged<Routes>
    }

    private final class Routes: Sendable {
        let handlers: [String: Handler]
        let commands: [String: Command]

        init(_ handlers: [String: Handler], _ commands: [String: Command]) {
            self.handlers = handlers
            self.commands = commands
        }

        var paths: [String] { (handlers.keys.map { $0 } + commands.keys.map { "POST \($0)" }).sorted() }
    }

    /// Listens from now on.
    ///
    /// - Parameters:
    ///   - host: an address in numbers, IPv4 or IPv6. Default: only this machine.
    ///   - port: 0 for any free one.
    ///   - routes: by path, e.g. `/health`. Any other path is answered with 404.
    ///   - commands: what POST does, by path.
    public init(
        host: String = "127.0.0.1", port: UInt16 = 0, routes: [String: Handler], commands: [String: Command] = [:]
    ) throws(HealthServerError) {
        let listener = try ListeningSocket(host: host, port: port)
        self.port = listener.port
        let context = Unmanaged.passRetained(Routes(routes, commands))
        var options = [
            MHD_OptionItem(option: .LISTEN_SOCKET, value: Int(listener.descriptor), ptr_value: nil),
            MHD_OptionItem(option: .CONNECTION_LIMIT, value: Int(Self.maximumConnections), ptr_value: nil),
            MHD_OptionItem(option: .CONNECTION_TIMEOUT, value: Int(Self.timeoutSeconds), ptr_value: nil),
            MHD_OptionItem(option: .CONNECTION_MEMORY_LIMIT, value: 16 * 1024, ptr_value: nil),
            MHD_OptionItem(option: .END, value: 0, ptr_value: nil),
        ]
        let flags = MHD_USE_INTERNAL_POLLING_THREAD.rawValue | MHD_USE_POLL.rawValue
        let daemon = options.withUnsafeMutableBufferPointer { options in
            withVaList([MHD_OPTION.ARRAY.rawValue, OpaquePointer(options.baseAddress.unsafelyUnwrapped), MHD_OPTION.END.rawValue]) { list in
                MHD_start_daemon_va(flags, 0, nil, nil, Self.answer, context.toOpaque(), list)
            }
        }
        guard let daemon else {
            context.release()
            close(listener.descriptor)
            throw HealthServerError(message: "the HTTP server on \(host):\(self.port) did not start: \(String(cString: strerror(errno)))")
        }
        running = Mutex(Running(daemon: daemon, routes: context))
    }

    deinit { stop() }

    /// Ends open connections and frees the port. Again: nothing.
    public func stop() {
        let ended = running.withLock { running in
            defer { running = nil }
            return running
        }
        guard let ended else { return }
        MHD_stop_daemon(ended.daemon)
        ended.routes.release()
    }

    /// Called by libmicrohttpd for each request, before any body; answering now makes it leave the body unread.
    private static let answer: MHD_AccessHandlerCallback = { context, connection, path, method, _, _, _, _ in
        guard let context, let connection, let path, let method else { return .NO }
        let routes = Unmanaged<Routes>.fromOpaque(context).takeUnretainedValue()
        let isRead = strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0
        let response: Response
        if strcmp(method, "POST") == 0, let command = routes.commands[String(cString: path)] {
            response = command(arguments(of: connection))
        } else if !isRead {
            response = .text("only GET and HEAD are answered\n", status: 405)
        } else if let handler = routes.handlers[String(cString: path)] {
            response = handler()
        } else {
            response = .text("there is nothing here; try \(routes.paths.joined(separator: ", "))\n", status: 404)
        }
        return send(response, on: connection)
    }

    private static func arguments(of connection: OpaquePointer) -> [String: String] {
        var arguments: [String: String] = [:]
        withUnsafeMutablePointer(to: &arguments) { found in
            _ = MHD_get_connection_values(
                connection, .GET_ARGUMENT_KIND,
                { context, _, key, value in
                    guard let context, let key else { return .NO }
                    let found = context.assumingMemoryBound(to: [String: String].self)
                    found.pointee[String(cString: key)] = value.map { String(cString: $0) } ?? ""
                    return .YES
                }, found)
        }
        return arguments
    }

    private static func send(_ response: Response, on connection: OpaquePointer) -> MHD_Result {
        let made = response.body.withUnsafeBytes { body in
            MHD_create_response_from_buffer(body.count, UnsafeMutableRawPointer(mutating: body.baseAddress), .RESPMEM_MUST_COPY)
        }
        guard let made else { return .NO }
        defer { MHD_destroy_response(made) }
        MHD_add_response_header(made, "Content-Type", response.contentType)
        MHD_add_response_header(made, "Cache-Control", "no-store")
        if response.status == 405 { MHD_add_response_header(made, "Allow", "GET, HEAD") }
        return MHD_queue_response(connection, UInt32(response.status), made)
    }
}

/// Why the server does not listen.
public struct HealthServerError: Error, Sendable, Equatable, CustomStringConvertible {
    public let message: String
    public var description: String { message }
}
