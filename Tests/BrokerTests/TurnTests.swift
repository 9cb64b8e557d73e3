import Glibc
import KafkaProtocol
import Testing

@testable import Broker

/// What one turn of the loop gives to each. The sockets are filled before the loop runs, on the thread that runs it: nothing depends on time.
@Suite struct TurnTests {
    /// A server that notes whose requests it answers, and when a turn ends.
    private final class Bench {
        let loop: EventLoop
        private(set) var seen: [String] = []
        private var server: Server?

        init(_ settings: Server.Settings = Server.Settings()) throws {
            loop = try EventLoop()
            let loop = loop
            var dispatcher = Dispatcher()
            dispatcher.on(ApiVersionsRequest.self) { [unowned self] _, context in
                seen.append(context.clientID)
                return ApiVersionsResponse()
            }
            let users = UserBook(metadata: MetadataLog(MemoryStateLog()), passwords: [:], random: CountingGenerator())
            let sasl = SASLAPI(mechanisms: [], users: users, scheduler: loop, failureDelayMs: 0) { _, _ in }
            server = try Server(
                try Listener(ListenAddress(host: "127.0.0.1", port: 0)), loop: loop,
                processor: RequestProcessor(dispatcher: dispatcher, sasl: sasl, microseconds: { loop.microseconds }), settings: settings,
                report: { Issue.record("\($0)") })
        }

        func connect() throws -> Client { try Client(port: try #require(server).address.port) }
        var connections: Int { server?.connectionCount ?? 0 }

        /// Runs until that holds at the end of a turn.
        func run(until holds: @escaping () -> Bool) {
            loop.schedule(after: 30_000) { [loop] in
                Issue.record("it takes too long")
                loop.stop()
            }
            endTurn(holds)
            loop.run()
        }

        private func endTurn(_ holds: @escaping () -> Bool) {
            loop.afterThisTurn { [unowned self] in
                seen.append("end of turn")
                if holds() { loop.stop() } else { endTurn(holds) }
            }
        }

        func note(_ what: String) { seen.append(what) }
        func count(_ what: String) -> Int { seen.count { $0 == what } }
    }

    private final class Client {
        private let descriptor: Int32

        init(port: UInt16) throws {
            descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            address.sin_port = port.bigEndian
            address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
            let isConnected = withUnsafePointer(to: &address) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) }
            }
            try #require(isConnected == 0)
        }

        deinit { close(descriptor) }

        /// Sends ApiVersions, and waits for no answer.
        func send(as name: String, times: Int = 1) throws {
            let parts = MessageWriter.request(ApiVersionsRequest(), correlationID: 1, clientID: name, version: 0)
            let request = parts.flatMap { part -> [UInt8] in if case .bytes(let bytes) = part { Array(bytes) } else { [] } }
            let bytes = Array(repeatElement(request, count: times).joined())
            try #require(Glibc.send(descriptor, bytes, bytes.count, Int32(MSG_DONTWAIT)) == bytes.count)
        }
    }

    @Test func aClientThatSendsAndSendsLeavesTheOthersTheirTurn() throws {
        let bench = try Bench()
        let (busy, other) = (try bench.connect(), try bench.connect())
        try busy.send(as: "busy", times: 1_000)
        try other.send(as: "other")
        bench.loop.afterThisTurn { bench.loop.schedule(after: 0) { bench.note("timer") } }
        bench.run { bench.count("busy") == 1_000 }
        for one in ["other", "timer"] { #expect(bench.seen.prefix { $0 != one }.count { $0 == "busy" } < 100) }
        // Also at the end: it is not given more from turn to turn.
        let turns = bench.seen.split(separator: "end of turn").map { turn in turn.count { $0 == "busy" } }
        #expect(turns.allSatisfy { $0 <= 32 }, "\(turns)")
    }

    /// However few the requests are.
    @Test func aTurnIsLimitedByBytesToo() throws {
        var settings = Server.Settings()
        settings.requestsInATurn = 1_000
        settings.bytesInATurn = 100
        let bench = try Bench(settings)
        let busy = try bench.connect()
        try busy.send(as: String(repeating: "b", count: 40), times: 100)
        bench.run { bench.seen.count { $0 != "end of turn" } == 100 }
        let turns = bench.seen.split(separator: "end of turn").map(\.count)
        #expect(turns.allSatisfy { $0 <= 4 }, "\(turns)")
    }

    @Test func manyWhoConnectAtOnceAreTakenAFewAtATime() throws {
        let bench = try Bench()
        let clients = try (0..<200).map { _ in try bench.connect() }
        var counts = [0]
        bench.run {
            counts.append(bench.connections)
            return bench.connections == clients.count
        }
        #expect(zip(counts, counts.dropFirst()).allSatisfy { $1 - $0 <= 64 }, "\(counts)")
    }

    @Test func aTimerThatSetsItselfAtOnceLeavesTheOthersTheirTurn() throws {
        let loop = try EventLoop()
        var ends: [Int32] = [0, 0]
        try #require(pipe(&ends) == 0 && write(ends[1], "x", 1) == 1)
        defer { for end in ends { close(end) } }
        var seen: [String] = []
        _ = try loop.watch(ends[0], .read) { seen.append("ready") }
        func run() {
            seen.append("timer")
            if seen.count < 20 { loop.schedule(after: 0, run) } else { loop.stop() }
        }
        loop.schedule(after: 0, run)
        loop.run()
        #expect(seen.count >= 20)
        #expect(zip(seen, seen.dropFirst()).allSatisfy { $0 != $1 }, "\(seen)")
    }
}
