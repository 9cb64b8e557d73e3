import BotKit
import Envelopes
import Synchronization

/// Posts JSON to the services behind the channels, with their limits and their ways to say no.
struct WebhookSender: Sendable {
    let limiter: ChannelLimiter
    let clients: ChannelClients
    /// Tries within one call; what is left is the bot's to try later.
    static let maximumTries = 3
    /// A longer `retry-after` is left to the bot.
    static let maximumPause: Duration = .seconds(20)

    /// Sends until the answer is one that `accepts`; the failure tells whether it is worth to try later.
    /// - Parameter url: holds the secret: it stands in no message.
    func post(
        _ body: JSONValue, to url: String, channel: NotificationChannel, key: String, accepts: (HTTPResponse) -> Bool
    ) async throws(CallFailure) {
        let client = clients.client(allowing: channel.allowedPrivateHosts)
        let request = HTTPRequest(
            url, method: "POST",
            headers: [HTTPHeader("Content-Type", "application/json; charset=utf-8"), HTTPHeader("Idempotency-Key", key)],
            body: body.bytes, timeLimit: .seconds(20), maximumResponseBytes: 64 << 10)
        var tries = 0
        while true {
            tries += 1
            try await limiter.wait(for: channel)
            let failure: CallFailure
            var pause: Duration = .seconds(1 << min(tries - 1, 4))
            do throws(TransferError) {
                let response = try await client.send(request)
                if accepts(response) { return }
                if let asked = response.retryAfter {
                    pause = asked
                    limiter.pushBack(channel, by: asked)
                }
                failure = Self.failure(response, channel)
            } catch {
                failure = error.callFailure
            }
            guard failure.kind == .transient, tries < Self.maximumTries, pause <= Self.maximumPause else { throw failure }
            try await limiter.pause(pause)
        }
    }

    private static func failure(_ response: HTTPResponse, _ channel: NotificationChannel) -> CallFailure {
        // The answer's first words help (`invalid_payload`, `no_service`); they never repeat what was sent.
        let words = response.text.prefix { !$0.isNewline }.prefix(80).filter {
            $0.isASCII && ($0.isLetter || $0.isNumber || "_ -.".contains($0))
        }
        let message = "channel '\(channel.name)' answered with status \(response.status)\(words.isEmpty ? "" : ": \(words)")"
        switch response.status {
        case 429: return CallFailure(.transient, code: "rate-limited", message: message)
        case 500...599: return CallFailure(.transient, code: "channel-unavailable", message: message)
        default: return CallFailure(.permanent, code: "channel-refused", message: message)
        }
    }
}

/// One HTTP client for each set of private hosts that a channel may reach: few, as each has a thread.
final class ChannelClients: Sendable {
    private let clients = Mutex<[Set<String>: HTTPClient]>([:])

    func client(allowing hosts: [String]) -> HTTPClient {
        clients.withLock { clients in
            if let client = clients[Set(hosts)] { return client }
            let client = HTTPClient(policy: .publicOnly(except: hosts))
            clients[Set(hosts)] = client
            return client
        }
    }
}
