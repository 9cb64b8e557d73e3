import Glibc
import KafkaProtocol

/// Asks a broker which requests it answers: librdkafka 2.0.2 knows, and does not tell. Before any login, so it needs none; not over TLS.
enum APIVersionsProbe {
    /// The highest version of each request by its number; nil where the answer stays away for `seconds`, or is none.
    static func ask(host: String, port: UInt16, seconds: Int = 5) -> [Int16: Int16]? {
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var found: UnsafeMutablePointer<addrinfo>?
        guard getaddrinfo(host, String(port), &hints, &found) == 0 else { return nil }
        defer { freeaddrinfo(found) }
        var next = found
        while let candidate = next?.pointee {
            if let answer = ask(candidate, seconds) { return answer }
            next = candidate.ai_next
        }
        return nil
    }

    private static func ask(_ address: addrinfo, _ seconds: Int) -> [Int16: Int16]? {
        let descriptor = socket(address.ai_family, address.ai_socktype | Int32(SOCK_CLOEXEC.rawValue), address.ai_protocol)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var limit = timeval(tv_sec: seconds, tv_usec: 0)
        // On Linux the limit for sending is that for connecting too.
        for option in [SO_RCVTIMEO, SO_SNDTIMEO] {
            setsockopt(descriptor, SOL_SOCKET, option, &limit, socklen_t(MemoryLayout<timeval>.size))
        }
        guard connect(descriptor, address.ai_addr, address.ai_addrlen) == 0 else { return nil }
        // Version 0 is what every broker understands.
        for case .bytes(let bytes) in MessageWriter.request(ApiVersionsRequest(), correlationID: 1, clientID: "mesh", version: 0) {
            var rest = bytes
            while !rest.isEmpty {
                let count = rest.withUnsafeBytes { Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
                guard count > 0 else { return nil }
                rest = rest.dropFirst(count)
            }
        }
        guard let head = receive(4, descriptor) else { return nil }
        let size = head.reduce(0) { $0 << 8 | Int($1) }
        guard (8...65_536).contains(size), let bytes = receive(size, descriptor) else { return nil }
        return decode(bytes)
    }

    /// An answer without its length; nil where it is none.
    static func decode(_ bytes: [UInt8]) -> [Int16: Int16]? {
        var reader = MessageReader(bytes, version: 0, isFlexible: false)
        var response = ApiVersionsResponse()
        do throws(WireError) {
            var correlationID: Int32 = 0
            try reader.int32(&correlationID)
            guard correlationID == 1 else { return nil }
            try response.code(&reader)
        } catch { return nil }
        guard response.errorCode == 0 else { return nil }
        return Dictionary(response.apiKeys.map { ($0.apiKey, $0.maxVersion) }, uniquingKeysWith: max)
    }

    private static func receive(_ count: Int, _ descriptor: Int32) -> [UInt8]? {
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: count)
        while bytes.count < count {
            let received = recv(descriptor, &buffer, count - bytes.count, 0)
            if received < 0, errno == EINTR { continue }
            guard received > 0 else { return nil }
            bytes += buffer.prefix(received)
        }
        return bytes
    }
}
