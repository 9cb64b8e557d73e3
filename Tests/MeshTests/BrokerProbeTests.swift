import Glibc
import Kafka
import LoopbackPorts
import Testing

@testable import mesh

@Suite struct BrokerProbeTests {
    @Test(arguments: [
        ("kafka", "kafka:9092"), ("kafka:29092", "kafka:29092"), (" SASL_SSL://a.b:1 ", "a.b:1"), ("[::1]:9093", "[::1]:9093"),
        ("[::1]", "[::1]:9092"),
    ]) func addressesAreRead(text: String, address: String) {
        #expect(BrokerAddress.list(text).map(\.description) == [address])
    }

    @Test(arguments: ["", ":9092", "a:", "a:0", "a:65536", "[::1", "a:b"]) func otherTextIsNoAddress(text: String) {
        #expect(BrokerAddress(Substring(text)) == nil)
    }

    @Test func aPortThatNobodyListensOnIsRefused() throws {
        let port = try FreePort.choose()
        let address = try #require(BrokerAddress("127.0.0.1:\(port)"))
        #expect(BrokerProbe.reach(address, limit: .seconds(3)) == .refused)
        let error = #expect(throws: NoBroker.self) {
            try BrokerProbe.check(ClientSettings(bootstrapServers: "127.0.0.1:\(port),localhost:\(port)"))
        }
        #expect(
            error?.description == """
                no broker reached:
                  127.0.0.1:\(port): the connection is refused: nothing listens on port \(port) there
                  localhost:\(port): the connection is refused: nothing listens on port \(port) there
                Try: another address with --brokers HOST:PORT or KAFKA_BOOTSTRAP_SERVERS; a mesh of your own: mesh up
                """)
    }

    @Test func aNameWithoutAddressIsUnresolved() throws {
        guard case .unresolved = BrokerProbe.reach(try #require(BrokerAddress("no-such-host.invalid")), limit: .seconds(3)) else {
            Issue.record("it resolved")
            return
        }
    }

    /// A listener whose queue is full leaves a connection without an answer, as a firewall does.
    @Test func anAddressThatDoesNotAnswerTimesOut() throws {
        let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        try #require(listener >= 0)
        defer { close(listener) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isBound = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(listener, $0, size) == 0 && listen(listener, 0) == 0 && getsockname(listener, $0, &size) == 0
            }
        }
        try #require(isBound)
        let target = try #require(BrokerAddress("127.0.0.1:\(UInt16(bigEndian: address.sin_port))"))
        #expect(BrokerProbe.reach(target, limit: .seconds(3)) == .connects)
        var others: [Int32] = []
        defer { for other in others { close(other) } }
        for _ in 0..<4 {
            let other = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue), 0)
            others.append(other)
            _ = withUnsafePointer(to: &address) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { Glibc.connect(other, $0, size) }
            }
        }
        #expect(BrokerProbe.reach(target, limit: .milliseconds(200)) == .timedOut(.milliseconds(200)))
    }

    @Test func exitStatusesFollowTheConvention() throws {
        let port = try FreePort.choose()
        let brokers = ["KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:\(port)"]
        #expect(Mesh.status(of: ["--version"], environment: [:]) == 0)
        #expect(Mesh.status(of: ["topcs"], environment: [:]) == 2)
        #expect(Mesh.status(of: ["trigger", "NoBot"], environment: [:]) == 2)
        #expect(Mesh.status(of: ["acknowledge", "x"], environment: brokers) == 3)
        #expect(Mesh.status(of: ["acknowledge", "x", "--data-dir", "/nonexistent"], environment: [:]) == 3)
        #expect(
            Mesh.status(of: ["acknowledge", "x"], environment: brokers.merging(["KAFKA_SSL_NONSENSE": "1"]) { $1 }) == 2)
    }
}
