import BotKit

/// Sends a custom bot's HTTP requests. Private addresses are refused, but for the hosts that the configuration permits by name.
public struct HTTPCallPerformer: CallPerformer {
    private let client: HTTPClient

    public init(client: HTTPClient) { self.client = client }

    /// - Parameter permissions: `{ resource: host.NAME, actions: [use] }` permits the private addresses of a host.
    public init(permissions: [Permission]) {
        let hosts = permissions.filter { $0.resource.hasPrefix("host.") && $0.actions.contains("use") }
        client = HTTPClient(policy: .publicOnly(except: hosts.map { String($0.resource.dropFirst("host.".count)) }))
    }

    public func perform(_ request: HTTPCall, _ context: CallContext) async throws(CallFailure) -> HTTPCall.Response {
        var headers = request.headers.sorted { $0.key < $1.key }.map { HTTPHeader($0.key, $0.value) }
        if !request.headers.keys.contains(where: { $0.lowercased() == "idempotency-key" }) {
            headers.append(HTTPHeader("Idempotency-Key", context.idempotencyKey))
        }
        do throws(TransferError) {
            let response = try await client.send(
                HTTPRequest(
                    request.url, method: request.method, headers: headers, body: Array(request.body.utf8), timeLimit: request.timeLimit))
            let (seconds, attoseconds) = response.duration.components
            return HTTPCall.Response(
                status: response.status, body: String(response.text.prefix(HTTPCall.maximumText / 4)),
                durationSeconds: Double(seconds) + Double(attoseconds) / 1e18)
        } catch {
            throw error.callFailure
        }
    }
}
