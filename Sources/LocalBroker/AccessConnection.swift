import Glibc
import Kafka
import KafkaProtocol
import LoopbackPorts

/// Sets the access rules of the local broker, over a connection of its own: librdkafka 2.0.2 has no words for rules about transactional ids. Blocks.
struct AccessConnection: ~Copyable {
    private let descriptor: Int32
    private var lastCorrelationID: Int32 = 0

    /// A broker that takes longer to answer is given up. Seconds.
    private static let patience = 10
    /// No answer about access rules is longer.
    private static let maximumAnswer = 4 << 20

    /// Connects to the loopback interface and logs in.
    init(port: UInt16, user: String, password: String) throws(LocalBrokerError) {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0, FreePort.connects(descriptor, to: port) else { throw Self.failure("it cannot be reached") }
        var limit = timeval(tv_sec: Self.patience, tv_usec: 0)
        for option in [SO_RCVTIMEO, SO_SNDTIMEO] {
            setsockopt(descriptor, SOL_SOCKET, option, &limit, socklen_t(MemoryLayout<timeval>.size))
        }
        var handshake = SaslHandshakeRequest()
        handshake.mechanism = "PLAIN"
        try Self.check(ask(handshake, version: 1).errorCode, "the login")
        var login = SaslAuthenticateRequest()
        login.authBytes = [0] + Array(user.utf8) + [0] + Array(password.utf8)
        try Self.check(ask(login, version: 2).errorCode, "the login")
    }

    deinit { close(descriptor) }

    /// Removes all rules about these principals.
    mutating func removeRules(of principals: [String]) throws(LocalBrokerError) {
        guard !principals.isEmpty else { return }
        var request = DeleteAclsRequest()
        request.filters = principals.map { principal in
            var filter = DeleteAclsRequest.DeleteAclsFilter()
            // 1 stands for any in each of these.
            (filter.resourceTypeFilter, filter.patternTypeFilter, filter.operation, filter.permissionType) = (1, 1, 1, 1)
            filter.principalFilter = principal
            return filter
        }
        for result in try ask(request, version: 2).filterResults { try Self.check(result.errorCode, "removing rules") }
    }

    /// Adds rules; one that is there already stays as it is.
    mutating func add(_ rules: [AccessRule]) throws(LocalBrokerError) {
        guard !rules.isEmpty else { return }
        var request = CreateAclsRequest()
        request.creations = rules.map { rule in
            var creation = CreateAclsRequest.AclCreation()
            creation.resourceType = Int8(rule.resource.rawValue)
            creation.resourceName = rule.name
            creation.resourcePatternType = Int8(rule.pattern.rawValue)
            creation.principal = rule.principal
            creation.host = rule.host
            creation.operation = Int8(rule.operation.rawValue)
            creation.permissionType = Int8(rule.permission.rawValue)
            return creation
        }
        for (result, rule) in zip(try ask(request, version: 2).results, rules) {
            try Self.check(result.errorCode, "the rule for \(rule.principal) on \(rule.name)")
        }
    }

    private mutating func ask<Request: APIRequest>(_ request: Request, version: Int16) throws(LocalBrokerError) -> Request.Response {
        lastCorrelationID += 1
        for case .bytes(let bytes) in MessageWriter.request(request, correlationID: lastCorrelationID, clientID: "mesh", version: version) {
            try send(bytes)
        }
        let isFlexible = Request.api.isFlexible(version)
        let size = try receive(4).reduce(0) { $0 << 8 | Int($1) }
        guard (4...Self.maximumAnswer).contains(size) else { throw Self.failure("an answer of \(size) bytes") }
        var reader = MessageReader(try receive(size), version: version, isFlexible: isFlexible)
        var response = Request.Response()
        do throws(WireError) {
            var correlationID: Int32 = 0
            try reader.int32(&correlationID)
            try reader.tags()
            try response.code(&reader)
        } catch { throw Self.failure("an answer that cannot be read: \(error)") }
        return response
    }

    private func send(_ bytes: ArraySlice<UInt8>) throws(LocalBrokerError) {
        var rest = bytes
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw Self.failure("the connection ended") }
            rest = rest.dropFirst(count)
        }
    }

    private func receive(_ count: Int) throws(LocalBrokerError) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        var filled = 0
        while filled < count {
            let received = bytes.withUnsafeMutableBytes { recv(descriptor, $0.baseAddress! + filled, count - filled, 0) }
            if received < 0, errno == EINTR { continue }
            guard received > 0 else { throw Self.failure(received == 0 ? "the connection ended" : "no answer within \(Self.patience) s") }
            filled += received
        }
        return bytes
    }

    private static func check(_ code: Int16, _ what: String) throws(LocalBrokerError) {
        guard code != 0 else { return }
        throw failure("\(what) was refused: \(ErrorCode(rawValue: code).map { "\($0)" } ?? "error \(code)")")
    }

    private static func failure(_ reason: String) -> LocalBrokerError { .cannotStart("its access rules cannot be set: \(reason)") }
}
