import BotKit
import Calls
import Glibc
import MeshTesting
import Synchronization
import Testing

@Suite struct HTTPClientTests {
    private let client = HTTPClient(policy: .anywhere)

    @Test func sendsMethodHeadersAndBody() async throws {
        let server = TestHTTPServer { _ in .init(202, headers: [("X-Answer", " yes ")], body: "taken") }
        let response = try await client.send(
            HTTPRequest(
                "\(server.url)/a?b=c", method: "PUT", headers: [HTTPHeader("X-Id", "7"), HTTPHeader("X-Empty", "")],
                body: Array("héllo".utf8)))
        #expect(response.status == 202)
        #expect(response.text == "taken")
        #expect(response.header("x-answer") == "yes")
        #expect(response.duration > .zero)
        let request = try #require(server.requests.first)
        #expect(request.method == "PUT")
        #expect(request.target == "/a?b=c")
        #expect(request.headers["x-id"] == "7")
        #expect(request.headers["x-empty"] == "")
        #expect(request.headers["expect"] == nil)
        #expect(request.text == "héllo")
    }

    @Test func answersHeadWithoutBody() async throws {
        let server = TestHTTPServer { _ in .init(200, body: "body") }
        let response = try await client.send(HTTPRequest(server.url, method: "HEAD"))
        #expect(response.status == 200)
        #expect(response.body.isEmpty)
    }

    @Test func endsAtTheSizeLimit() async throws {
        let server = TestHTTPServer { _ in .init(200, body: String(repeating: "x", count: 5000)) }
        await #expect(throws: TransferError.self) { try await client.send(HTTPRequest(server.url, maximumResponseBytes: 4999)) }
        let response = try await client.send(HTTPRequest(server.url, maximumResponseBytes: 5000))
        #expect(response.body.count == 5000)
    }

    @Test func endsAtTheTimeLimit() async throws {
        let release = Gate()
        let server = TestHTTPServer { _ in
            release.wait()
            return .init()
        }
        defer { release.open() }
        let error = await failure { try await client.send(HTTPRequest(server.url, timeLimit: .milliseconds(100))) }
        #expect(error?.kind == .timedOut)
        #expect(error?.isTransient == true)
    }

    @Test func endsWhenTheTaskIsCancelled() async throws {
        let release = Gate()
        let server = TestHTTPServer { _ in
            release.wait()
            return .init()
        }
        defer { release.open() }
        var hanging = HTTPRequest(server.url)
        hanging.timeLimit = .seconds(600)
        let task = Task { [client, hanging] in await failure { try await client.send(hanging) } }
        while server.requests.isEmpty { await Task.yield() }
        task.cancel()
        #expect(await task.value?.kind == .cancelled)
        let early = Task { [client, url = server.url] in
            withUnsafeCurrentTask { $0?.cancel() }
            return await failure { try await client.send(HTTPRequest(url)) }
        }
        #expect(await early.value?.callFailure.kind == .cancelled)
    }

    @Test func keepsRedirectsByDefaultAndFollowsThemOnDemand() async throws {
        let other = TestHTTPServer { _ in .init(200, body: "there") }
        let target = other.url
        let server = TestHTTPServer { request in
            request.target == "/loop" ? .init(302, headers: [("Location", "/loop")]) : .init(307, headers: [("Location", "\(target)/x")])
        }
        #expect(try await client.send(HTTPRequest(server.url)).status == 307)
        var request = HTTPRequest(server.url, method: "POST", headers: [HTTPHeader("Authorization", "secret")], body: Array("b".utf8))
        request.maximumRedirects = 3
        // Between any two of them this task waits for its turn, behind all other tests.
        request.timeLimit = .seconds(600)
        #expect(try await client.send(request).text == "there")
        #expect(other.requests.first?.method == "POST")
        #expect(other.requests.first?.text == "b")
        #expect(other.requests.first?.headers["authorization"] == nil)
        request.url = "\(server.url)/loop"
        let error = await failure { try await client.send(request) }
        #expect(error?.kind == .tooManyRedirects)
    }

    @Test func refusesPrivateAddressesUnlessTheHostIsNamed() async throws {
        let server = TestHTTPServer()
        for host in ["127.0.0.1", "localhost", "0.0.0.0", "[::1]", "2130706433", "0x7f.1", "169.254.169.254"] {
            let error = await failure { try await HTTPClient().send(HTTPRequest("http://\(host):\(server.port)/")) }
            #expect(error?.kind == .addressRefused, "\(host)")
            #expect(error?.isTransient == false)
        }
        #expect(server.requests.isEmpty)
        let named = HTTPClient(policy: .publicOnly(except: ["LocalHost"]))
        #expect(try await named.send(HTTPRequest("http://localhost:\(server.port)/")).status == 200)
        let error = await failure { try await named.send(HTTPRequest(server.url)) }
        #expect(error?.kind == .addressRefused)
    }

    @Test func aRedirectCannotReachWhatIsRefused() async throws {
        let inner = TestHTTPServer()
        let target = inner.url
        let server = TestHTTPServer { _ in .init(302, headers: [("Location", target)]) }
        let named = HTTPClient(policy: .publicOnly(except: ["localhost"]))
        // Between the two requests this task waits for its turn, behind all other tests.
        let request = HTTPRequest("http://localhost:\(server.port)/", timeLimit: .seconds(600), maximumRedirects: 2)
        let error = await failure { try await named.send(request) }
        #expect(error?.kind == .addressRefused)
        #expect(inner.requests.isEmpty)
    }

    @Test func saysWhatIsWrong() async throws {
        let stopped = TestHTTPServer()
        stopped.stop()
        let cases: [(String, TransferError.Kind)] = [
            ("ftp://127.0.0.1/", .badURL), ("file:///etc/passwd", .badURL), ("", .badURL), ("http://", .badURL),
            ("http://nowhere.invalid/", .nameNotResolved),
        ]
        for (url, kind) in cases {
            let error = await failure { try await client.send(HTTPRequest(url)) }
            #expect(error?.kind == kind, "\(url): \(String(describing: error))")
        }
        let dropping = TestHTTPServer { _ in .init(drops: true) }
        let error = await failure { try await client.send(HTTPRequest("\(dropping.url)/secret?token=1")) }
        #expect(error?.kind == .broken)
        #expect(error?.message.contains("secret") == false)
        let bad = await failure { try await client.send(HTTPRequest(dropping.url, headers: [HTTPHeader("X", "a\r\nY: b")])) }
        #expect(bad?.kind == .badURL)
    }

    @Test func runsManyTransfersAtOnce() async throws {
        let server = TestHTTPServer { request in .init(200, body: request.target) }
        try await withThrowingTaskGroup(of: Bool.self) { group in
            for index in 0..<100 {
                group.addTask { [client] in try await client.send(HTTPRequest("\(server.url)/\(index)")).text == "/\(index)" }
            }
            for try await isRight in group { #expect(isRight) }
        }
        #expect(server.requests.count == 100)
    }

    @Test func judgesAddresses() {
        for bytes: [UInt8] in [[8, 8, 8, 8], [172, 15, 0, 1], [172, 32, 0, 1], [100, 63, 0, 1], [192, 167, 1, 1]] {
            #expect(AddressPolicy.isPublic(bytes), "\(bytes)")
        }
        for bytes: [UInt8] in [
            [0, 0, 0, 0], [10, 1, 2, 3], [127, 0, 0, 1], [169, 254, 169, 254], [172, 16, 0, 1], [172, 31, 255, 255], [192, 168, 0, 1],
            [100, 64, 0, 1], [224, 0, 0, 1], [255, 255, 255, 255], [], [1],
        ] {
            #expect(!AddressPolicy.isPublic(bytes), "\(bytes)")
        }
        func v6(_ head: [UInt8], _ tail: [UInt8] = []) -> [UInt8] {
            head + [UInt8](repeating: 0, count: 16 - head.count - tail.count) + tail
        }
        #expect(AddressPolicy.isPublic(v6([0x2a, 0x00, 0x14, 0x50], [1])))
        #expect(AddressPolicy.isPublic(v6([], [0xff, 0xff, 8, 8, 8, 8])))
        for bytes in [
            v6([]), v6([], [1]), v6([0xfe, 0x80], [1]), v6([0xfc], [1]), v6([0xfd, 1], [1]), v6([0xff, 2], [1]),
            v6([], [0xff, 0xff, 127, 0, 0, 1]),
            v6([], [10, 0, 0, 1]), v6([0x00, 0x64, 0xff, 0x9b], [10, 0, 0, 1]), v6([0x20, 0x02, 10, 0, 0, 1]),
            v6([0x20, 1, 0x0d, 0xb8], [1]),
        ] {
            #expect(!AddressPolicy.isPublic(bytes), "\(bytes)")
        }
        #expect(AddressPolicy.publicOnly(except: ["*.corp.example"]).allowsPrivateAddresses(of: "a.Corp.example"))
        #expect(!AddressPolicy.publicOnly(except: ["*.corp.example"]).allowsPrivateAddresses(of: "corp.example"))
    }

    @Test func handsMailToAServer() async throws {
        let server = TestSMTPServer()
        let mail = SMTPMessage(
            host: "127.0.0.1", port: server.port, security: .none, user: "mesh", password: "pw", sender: "mesh@example.org",
            recipients: ["a@example.org", "b@example.org"], data: Array("Subject: Hi\r\n\r\n.dot\r\nend\r\n".utf8))
        try await client.send(mail)
        let message = try #require(server.messages.first)
        #expect(message.sender == "mesh@example.org")
        #expect(message.recipients == ["a@example.org", "b@example.org"])
        #expect(message.data == "Subject: Hi\n\n.dot\nend")
        #expect(message.authentication == "AG1lc2gAcHc=")
    }

    @Test(arguments: [("451 later", true), ("550 no such user", false)])
    func tellsTransientMailErrorsFromPermanentOnes(answer: String, isTransient: Bool) async throws {
        let server = TestSMTPServer { $0.hasPrefix("RCPT") ? answer : nil }
        let mail = SMTPMessage(
            host: "127.0.0.1", port: server.port, security: .none, sender: "a@b.c", recipients: ["d@e.f"], data: Array("x".utf8))
        let error = await failure { try await client.send(mail) }
        #expect(error?.kind == .mailRefused)
        #expect(error?.isTransient == isTransient)
        var encrypted = mail
        encrypted.security = .startTLS
        #expect(await failure { try await client.send(encrypted) }?.kind == .tls)
    }
}

private func failure(_ body: () async throws -> some Any) async -> TransferError? {
    do {
        _ = try await body()
        return nil
    } catch {
        return error as? TransferError
    }
}

/// Holds a server's thread until the test lets it go.
private final class Gate: Sendable {
    private let isOpen = Mutex(false)
    func open() { isOpen.withLock { $0 = true } }
    func wait() { while !isOpen.withLock({ $0 }) { usleep(1000) } }
}
