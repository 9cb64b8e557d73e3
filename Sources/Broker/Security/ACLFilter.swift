import KafkaProtocol

/// Which ACLs somebody asks for: https://kafka.apache.org/documentation/#security_authz_cli and KIP-290.
struct ACLFilter {
    /// How the name of a filter is compared, with the numbers of the protocol.
    enum Pattern: Int8 {
        /// The name as it stands, of either type.
        case any = 1
        /// All that hold for a resource of that name.
        case match = 2
        case literal = 3
        case prefixed = 4
    }

    private let type: ACLResourceType
    private let name: String?
    private let pattern: Pattern
    private let principal: String?
    private let host: String?
    private let operation: ACLOperation
    /// nil for both.
    private let permission: ACLPermission?

    /// - Throws: `invalidRequest` for numbers that nobody knows.
    init(_ asked: DeleteAclsRequest.DeleteAclsFilter) throws(ResourceError) {
        guard let type = ACLResourceType(rawValue: asked.resourceTypeFilter), type != .unknown,
            let pattern = Pattern(rawValue: asked.patternTypeFilter),
            let operation = ACLOperation(rawValue: asked.operation), operation != .unknown
        else { throw ResourceError(.invalidRequest, "The filter contains unknown elements") }
        let permission = ACLPermission(rawValue: asked.permissionType)
        guard permission != nil || asked.permissionType == Self.anyPermission else {
            throw ResourceError(.invalidRequest, "The filter contains unknown elements")
        }
        self.type = type
        name = asked.resourceNameFilter
        self.pattern = pattern
        principal = asked.principalFilter
        host = asked.hostFilter
        self.operation = operation
        self.permission = permission
    }

    private static let anyPermission: Int8 = 1

    init(_ asked: DescribeAclsRequest) throws(ResourceError) {
        var filter = DeleteAclsRequest.DeleteAclsFilter()
        filter.resourceTypeFilter = asked.resourceTypeFilter
        filter.resourceNameFilter = asked.resourceNameFilter
        filter.patternTypeFilter = asked.patternTypeFilter
        filter.principalFilter = asked.principalFilter
        filter.hostFilter = asked.hostFilter
        filter.operation = asked.operation
        filter.permissionType = asked.permissionType
        try self.init(filter)
    }

    func matches(_ binding: ACLBinding) -> Bool {
        (type == .any || type == binding.pattern.type) && matchesName(binding.pattern)
            && (principal ?? binding.principal) == binding.principal && (host ?? binding.host) == binding.host
            && (operation == .any || operation == binding.operation) && (permission ?? binding.permission) == binding.permission
    }

    private func matchesName(_ candidate: ACLPattern) -> Bool {
        switch pattern {
        case .literal where candidate.patternType != .literal, .prefixed where candidate.patternType != .prefixed: return false
        default: break
        }
        guard let name else { return true }
        guard pattern == .match else { return name == candidate.name }
        switch candidate.patternType {
        case .literal: return name == candidate.name || candidate.name == ACLPattern.wildcard
        case .prefixed: return name.utf8.starts(with: candidate.name.utf8)
        }
    }
}
