import KafkaProtocol

/// Whether an ACL is about one name or about all that begin with it, with the numbers of the protocol.
enum ACLPatternType: Int8, Comparable {
    case literal = 3
    case prefixed = 4

    static func < (one: Self, other: Self) -> Bool { one.rawValue < other.rawValue }
}

/// What an ACL says, with the numbers of the protocol.
enum ACLPermission: Int8 {
    case deny = 2
    case allow = 3
}

/// What an ACL is about.
struct ACLPattern: Hashable, Comparable {
    /// The literal name that stands for all names.
    static let wildcard = "*"

    var type: ACLResourceType
    var name: String
    var patternType: ACLPatternType

    static func < (one: Self, other: Self) -> Bool {
        (one.type.rawValue, one.name, one.patternType) < (other.type.rawValue, other.name, other.patternType)
    }
}

/// One ACL: somebody is allowed or denied something with what the pattern names.
struct ACLBinding: Hashable {
    /// The principal that stands for everybody.
    static let everybody = "User:*"
    /// The host that stands for every address.
    static let everywhere = "*"
    /// Of each of the three texts, in bytes of UTF-8. Kafka has no such limit; it keeps answers of every version writable.
    static let maximumTextBytes = 1_000

    var pattern: ACLPattern
    var principal: String
    var host: String
    var operation: ACLOperation
    var permission: ACLPermission

    /// Order for answers that are the same each time.
    static func isOrdered(_ one: Self, _ other: Self) -> Bool {
        if one.pattern != other.pattern { return one.pattern < other.pattern }
        return (one.principal, one.host, one.operation.rawValue, one.permission.rawValue)
            < (other.principal, other.host, other.operation.rawValue, other.permission.rawValue)
    }
}

extension ACLBinding {
    /// What a client asks to be kept.
    /// - Throws: `invalidRequest` with Kafka's reasons.
    init(_ asked: CreateAclsRequest.AclCreation) throws(ResourceError) {
        self = try Self.checked(ACLRecord(asked))
    }

    /// What the metadata log says.
    init(_ record: ACLRecord) throws(WireError) {
        do { self = try Self.checked(record) } catch { throw WireError("an ACL: \(error.message)", at: 0) }
    }

    private static func checked(_ record: ACLRecord) throws(ResourceError) -> ACLBinding {
        guard let type = ACLResourceType(rawValue: record.resourceType), !type.operations.isEmpty else {
            throw invalid("Invalid resourceType \(record.resourceType)")
        }
        guard let patternType = ACLPatternType(rawValue: record.patternType) else {
            throw invalid("Invalid patternType \(record.patternType)")
        }
        guard let operation = ACLOperation(rawValue: record.operation), operation != .unknown, operation != .any else {
            throw invalid("Invalid operation \(record.operation)")
        }
        guard let permission = ACLPermission(rawValue: record.permission) else {
            throw invalid("Invalid permissionType \(record.permission)")
        }
        guard !record.name.isEmpty else { throw invalid("Resource name should not be empty") }
        guard type != .cluster || record.name == clusterResourceName else {
            throw invalid("The only valid name for the CLUSTER resource is \(clusterResourceName)")
        }
        for text in [record.name, record.principal, record.host] where text.utf8.count > maximumTextBytes {
            throw invalid("A name, principal or host is longer than \(maximumTextBytes) bytes")
        }
        guard let colon = record.principal.firstIndex(of: ":"), colon > record.principal.startIndex else {
            throw invalid("Could not parse principal (no colon is present separating the principal type from the principal name)")
        }
        guard !record.host.isEmpty else { throw invalid("The host is empty; * stands for every host") }
        let pattern = ACLPattern(type: type, name: record.name, patternType: patternType)
        return ACLBinding(
            pattern: pattern, principal: record.principal, host: record.host, operation: operation, permission: permission)
    }

    private static func invalid(_ reason: String) -> ResourceError { ResourceError(.invalidRequest, reason) }
}
