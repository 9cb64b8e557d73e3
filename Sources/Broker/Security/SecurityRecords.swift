import KafkaProtocol

/// The value of `MetadataKind.acl`, with the numbers of the protocol.
struct ACLRecord: WireField, Equatable {
    var resourceType: Int8 = 0
    var name = ""
    var patternType: Int8 = 0
    var principal = ""
    var host = ""
    var operation: Int8 = 0
    var permission: Int8 = 0

    init() {}

    init(_ binding: ACLBinding) {
        resourceType = binding.pattern.type.rawValue
        name = binding.pattern.name
        patternType = binding.pattern.patternType.rawValue
        principal = binding.principal
        host = binding.host
        operation = binding.operation.rawValue
        permission = binding.permission.rawValue
    }

    init(_ asked: CreateAclsRequest.AclCreation) {
        resourceType = asked.resourceType
        name = asked.resourceName
        patternType = asked.resourcePatternType
        principal = asked.principal
        host = asked.host
        operation = asked.operation
        permission = asked.permissionType
    }

    /// What the record's key says after its kind: all of the ACL, since no part of it is its name. The lengths keep one text from running into the next.
    var key: String {
        let numbers = [resourceType, patternType, operation, permission].map { String($0) }.joined(separator: ",")
        return "\(numbers),\(name.utf8.count),\(principal.utf8.count),\(name)\(principal)\(host)"
    }

    mutating func code<Coder: MessageCoder>(_ coder: inout Coder) throws(WireError) {
        try coder.int8(&resourceType)
        try coder.string(&name)
        try coder.int8(&patternType)
        try coder.string(&principal)
        try coder.string(&host)
        try coder.int8(&operation)
        try coder.int8(&permission)
        try coder.tags()
    }
}

/// The value of `MetadataKind.user`, whose key is the user's name: what a password is checked against, and no password.
struct UserRecord: WireField, Equatable {
    var salt: [UInt8] = []
    var iterations: Int32 = 0
    var hash: [UInt8] = []

    init() {}

    init(_ password: PasswordHash) {
        salt = password.salt
        iterations = password.iterations
        hash = password.hash
    }

    mutating func code<Coder: MessageCoder>(_ coder: inout Coder) throws(WireError) {
        try coder.bytes(&salt)
        try coder.int32(&iterations)
        try coder.bytes(&hash)
        try coder.tags()
    }
}
