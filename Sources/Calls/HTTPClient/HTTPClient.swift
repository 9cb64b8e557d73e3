import BotKit
import CCurl

/// Sends HTTP requests and e-mail through libcurl. One client serves many tasks at once; make few, each has a thread.
///
/// Proxy settings of the environment are ignored: a proxy would resolve names past the address policy.
public final class HTTPClient: Sendable {
    public let policy: AddressPolicy
    private let caFile: String?
    private let loop = CurlLoop()

    /// - Parameters:
    ///   - policy: the addresses that may be connected to.
    ///   - caFile: a PEM file with the certificates to trust; nil: the system's.
    public init(policy: AddressPolicy = .publicOnly, caFile: String? = nil) {
        self.policy = policy
        self.caFile = caFile
    }

    deinit { loop.stop() }

    /// Sends a request and takes the whole answer; every status is an answer, not an error.
    public func send(_ request: HTTPRequest) async throws(TransferError) -> HTTPResponse {
        var request = request
        var redirects = 0
        let clock = ContinuousClock()
        let start = clock.now
        while true {
            let left = request.timeLimit - start.duration(to: clock.now)
            let result = try await exchange(request, timeLimit: left)
            guard let target = result.redirect, (300...399).contains(result.status), request.maximumRedirects > 0 else {
                return HTTPResponse(
                    status: result.status, headers: result.headers, body: result.body, duration: start.duration(to: clock.now))
            }
            redirects += 1
            guard redirects <= request.maximumRedirects else {
                throw TransferError(.tooManyRedirects, "\(Self.host(of: request.url)): more than \(request.maximumRedirects) redirects")
            }
            request = Self.redirected(request, to: target, status: result.status)
        }
    }

    /// Hands one e-mail to its server; returns when the server has accepted it for all recipients.
    public func send(_ mail: SMTPMessage) async throws(TransferError) {
        let name = "\(mail.host):\(mail.port)"
        guard
            let transfer = Transfer(
                upload: mail.data, maximumResponseBytes: 1 << 20, allowsPrivateAddresses: policy.allowsPrivateAddresses(of: mail.host))
        else { throw TransferError(.busy, "\(name): no memory for a transfer") }
        transfer.set(CURLOPT_URL, "\(mail.security == .tls ? "smtps" : "smtp")://\(name)/botmesh")
        transfer.set(CURLOPT_PROTOCOLS_STR, "smtp,smtps")
        transfer.set(CURLOPT_USE_SSL, Int(mail.security == .none ? CURLUSESSL_NONE.rawValue : CURLUSESSL_ALL.rawValue))
        transfer.set(CURLOPT_MAIL_FROM, "<\(mail.sender)>")
        transfer.set(CURLOPT_MAIL_RCPT, mail.recipients.map { "<\($0)>" })
        transfer.set(CURLOPT_UPLOAD, 1)
        transfer.setSize(CURLOPT_INFILESIZE_LARGE, mail.data.count)
        if let user = mail.user { transfer.set(CURLOPT_USERNAME, user) }
        if let password = mail.password { transfer.set(CURLOPT_PASSWORD, password) }
        if let caFile { transfer.set(CURLOPT_CAINFO, caFile) }
        transfer.set(CURLOPT_CONNECTTIMEOUT_MS, 10_000)
        transfer.set(CURLOPT_TIMEOUT_MS, Self.milliseconds(mail.timeLimit))
        // A connection that is kept would answer the next message's errors with this one's state.
        transfer.set(CURLOPT_FORBID_REUSE, 1)
        _ = try await run(transfer, host: name)
    }

    private func exchange(_ request: HTTPRequest, timeLimit: Duration) async throws(TransferError) -> Transfer.Result {
        let host = Self.host(of: request.url)
        guard timeLimit > .zero else { throw TransferError(.timedOut, "\(host): no answer in \(request.timeLimit)") }
        guard
            let transfer = Transfer(
                upload: request.body, maximumResponseBytes: request.maximumResponseBytes,
                allowsPrivateAddresses: policy.allowsPrivateAddresses(of: host))
        else { throw TransferError(.busy, "\(host): no memory for a transfer") }
        guard request.headers.allSatisfy(\.isLegal), request.method.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7f }), !host.isEmpty else {
            throw TransferError(.badURL, "\(host): the URL, the method or a header has characters that HTTP does not allow")
        }
        transfer.set(CURLOPT_URL, request.url)
        transfer.set(CURLOPT_PROTOCOLS_STR, "http,https")
        transfer.set(CURLOPT_USERAGENT, "botmesh")
        transfer.set(CURLOPT_CONNECTTIMEOUT_MS, Self.milliseconds(request.connectTimeLimit))
        transfer.set(CURLOPT_TIMEOUT_MS, Self.milliseconds(timeLimit))
        if let caFile { transfer.set(CURLOPT_CAINFO, caFile) }
        if !request.reusesConnection {
            transfer.set(CURLOPT_FRESH_CONNECT, 1)
            transfer.set(CURLOPT_FORBID_REUSE, 1)
        }
        switch request.method {
        case "GET" where request.body.isEmpty: transfer.set(CURLOPT_HTTPGET, 1)
        case "HEAD": transfer.set(CURLOPT_NOBODY, 1)
        default:
            transfer.set(CURLOPT_POST, 1)
            transfer.setSize(CURLOPT_POSTFIELDSIZE_LARGE, request.body.count)
            transfer.set(CURLOPT_CUSTOMREQUEST, request.method)
        }
        // Without `Expect:` libcurl waits a second for a 100 that many servers never send.
        transfer.set(CURLOPT_HTTPHEADER, request.headers.map { $0.value.isEmpty ? "\($0.name);" : "\($0.name): \($0.value)" } + ["Expect:"])
        return try await run(transfer, host: host)
    }

    private func run(_ transfer: Transfer, host: String) async throws(TransferError) -> Transfer.Result {
        guard let result = await loop.run(transfer) else {
            throw TransferError(.busy, "\(host): this process has \(CurlLoop.maximumTransfers) transfers under way")
        }
        if result.code == CURLE_OK { return result }
        if result.addressWasRefused {
            throw TransferError(
                .addressRefused, "\(host): all its addresses are private or of this machine; name the host in the configuration to allow it"
            )
        }
        if result.bodyWasTooLarge { throw TransferError(.tooLarge, "\(host): the answer is larger than allowed") }
        if transfer.isCancelled.load(ordering: .acquiring) { throw TransferError(.cancelled, "\(host): cancelled") }
        throw TransferError.from(result.code, host: host, detail: result.detail, status: result.status)
    }

    /// The host of a URL, lower case, without port and brackets; empty when it cannot be read. libcurl's own parser, so that both see the same.
    public static func host(of url: String) -> String {
        guard let parser = curl_url() else { return "" }
        defer { curl_url_cleanup(parser) }
        var part: UnsafeMutablePointer<CChar>?
        guard curl_url_set(parser, CURLUPART_URL, url, 0) == CURLUE_OK, curl_url_get(parser, CURLUPART_HOST, &part, 0) == CURLUE_OK,
            let part
        else { return "" }
        defer { curl_free(part) }
        let host = String(cString: part).lowercased()
        return host.hasPrefix("[") ? String(host.dropFirst().dropLast()) : host
    }

    private static func redirected(_ request: HTTPRequest, to target: String, status: Int) -> HTTPRequest {
        var next = request
        next.url = target
        if status == 303 || (status < 303 && request.method == "POST") {
            next.method = request.method == "HEAD" ? "HEAD" : "GET"
            next.body = []
            next.headers.removeAll { $0.name.lowercased().hasPrefix("content-") }
        }
        if origin(of: target) != origin(of: request.url) {
            next.headers.removeAll { ["authorization", "cookie", "proxy-authorization"].contains($0.name.lowercased()) }
        }
        return next
    }

    private static func origin(of url: String) -> String {
        let parts = url.split(separator: "/", maxSplits: 2, omittingEmptySubsequences: false)
        return parts.prefix(2).joined(separator: "/").lowercased() + (parts.count > 2 ? parts[2].prefix { $0 != "/" }.lowercased() : "")
    }

    private static func milliseconds(_ duration: Duration) -> Int {
        let (seconds, attoseconds) = duration.components
        return max(1, Int(min(seconds, 1_000_000)) * 1000 + Int(attoseconds / 1_000_000_000_000_000))
    }
}

extension HTTPHeader {
    fileprivate var isLegal: Bool {
        let separators = "()<>@,;:\\\"/[]?={} \t".utf8
        return !name.isEmpty && name.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7f && !separators.contains($0) }
            && value.utf8.allSatisfy { $0 == 0x09 || ($0 >= 0x20 && $0 != 0x7f) }
    }
}
