import Broker
import Testing

@Suite struct ListenAddressTests {
    @Test(arguments: [
        ("127.0.0.1:9092", "127.0.0.1", 9092, true), ("[::1]:0", "::1", 0, true), ("localhost:80", "localhost", 80, true),
        ("0.0.0.0:9092", "0.0.0.0", 9092, false),
    ])
    func anAddressIsRead(text: String, host: String, port: UInt16, isLoopback: Bool) throws {
        let address = try #require(ListenAddress(text))
        #expect(address == ListenAddress(host: host, port: port))
        #expect(address.isLoopback == isLoopback)
        #expect("\(address)" == text)
    }

    @Test(arguments: ["", ":", "9092", "host:", ":9092", "host:65536", "::1:80", "host:x"])
    func anythingElseIsNone(text: String) { #expect(ListenAddress(text) == nil) }
}
