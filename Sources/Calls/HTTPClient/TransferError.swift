import BotKit
import CCurl

/// Why there was no answer.
public struct TransferError: Error, Sendable, Equatable, CustomStringConvertible {
    public enum Kind: String, Sendable {
        case badURL = "bad-url"
        /// All the addresses of the host are ones that the policy refuses.
        case addressRefused = "address-refused"
        case nameNotResolved = "name-not-resolved"
        case connectionFailed = "connection-failed"
        case tls = "tls-failed"
        case timedOut = "timed-out"
        case tooLarge = "response-too-large"
        case tooManyRedirects = "too-many-redirects"
        /// The connection broke, or the server did not speak the protocol.
        case broken = "transfer-broken"
        /// An SMTP server said no; `status` has its code.
        case mailRefused = "mail-refused"
        /// The client has as many transfers as it takes.
        case busy = "too-many-transfers"
        case cancelled
    }
    public let kind: Kind
    /// For people: host and reason, never a path or query, which can hold a secret.
    public let message: String
    /// The server's last status code, where there was one.
    public let status: Int?

    public init(_ kind: Kind, _ message: String, status: Int? = nil) {
        self.kind = kind
        self.message = message
        self.status = status
    }

    public var description: String { message }

    /// Whether the same may work later.
    public var isTransient: Bool {
        switch kind {
        case .nameNotResolved, .connectionFailed, .timedOut, .broken, .busy: true
        case .mailRefused: (400...499).contains(status ?? 0)
        case .badURL, .addressRefused, .tls, .tooLarge, .tooManyRedirects, .cancelled: false
        }
    }

    public var callFailure: CallFailure {
        let failureKind: CallFailure.Kind =
            switch kind {
            case .cancelled: .cancelled
            default: isTransient ? .transient : .permanent
            }
        return CallFailure(failureKind, code: kind.rawValue, message: message)
    }

    static func from(_ code: CURLcode, host: String, detail: String, status: Int) -> TransferError {
        let reason = String(cString: curl_easy_strerror(code))
        let kind: Kind =
            switch code {
            case CURLE_URL_MALFORMAT, CURLE_UNSUPPORTED_PROTOCOL: .badURL
            case CURLE_COULDNT_RESOLVE_HOST, CURLE_COULDNT_RESOLVE_PROXY: .nameNotResolved
            case CURLE_COULDNT_CONNECT: .connectionFailed
            case CURLE_OPERATION_TIMEDOUT: .timedOut
            case CURLE_SSL_CONNECT_ERROR, CURLE_PEER_FAILED_VERIFICATION, CURLE_SSL_CERTPROBLEM, CURLE_SSL_CACERT_BADFILE,
                CURLE_USE_SSL_FAILED:
                .tls
            case CURLE_LOGIN_DENIED: .mailRefused
            default: (400...599).contains(status) ? .mailRefused : .broken
            }
        return TransferError(kind, "\(host): \(detail.isEmpty ? reason : detail)", status: status == 0 ? nil : status)
    }
}
