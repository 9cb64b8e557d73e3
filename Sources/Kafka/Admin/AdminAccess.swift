import CRdKafka

/// One rule of a broker's access list.
public struct AccessRule: Hashable, Sendable {
    /// With the protocol's numbers. librdkafka 2.0.2 has no words for rules about transactional ids: `AdminClient` refuses to make them.
    public enum Resource: Int32, Sendable {
        case topic = 2
        case group, broker, transactionalID
    }
    public enum Pattern: Int32, Sendable {
        case literal = 3
        case prefixed
    }
    public enum Operation: Int32, Sendable, CaseIterable {
        case all = 2
        case read, write, create, delete, alter, describe, clusterAction, describeConfigs, alterConfigs, idempotentWrite
    }
    public enum Permission: Int32, Sendable {
        case deny = 2
        case allow
    }

    public var resource: Resource
    public var name: String
    public var pattern: Pattern
    /// `User:name`.
    public var principal: String
    /// `*` for every host.
    public var host: String
    public var operation: Operation
    public var permission: Permission

    public init(
        resource: Resource, name: String, pattern: Pattern = .literal, principal: String, host: String = "*", operation: Operation,
        permission: Permission = .allow
    ) {
        self.resource = resource
        self.name = name
        self.pattern = pattern
        self.principal = principal
        self.host = host
        self.operation = operation
        self.permission = permission
    }
}

/// Which rules are meant; nil fields match every rule.
public struct AccessFilter: Hashable, Sendable {
    public var resource: AccessRule.Resource?
    public var name: String?
    public var pattern: AccessRule.Pattern?
    public var principal: String?
    public var host: String?
    public var operation: AccessRule.Operation?
    public var permission: AccessRule.Permission?

    public init(
        resource: AccessRule.Resource? = nil, name: String? = nil, pattern: AccessRule.Pattern? = nil, principal: String? = nil,
        host: String? = nil, operation: AccessRule.Operation? = nil, permission: AccessRule.Permission? = nil
    ) {
        self.resource = resource
        self.name = name
        self.pattern = pattern
        self.principal = principal
        self.host = host
        self.operation = operation
        self.permission = permission
    }
}

extension AdminClient {
    /// Adds rules. Throws the first refusal.
    public func createAccessRules(_ rules: [AccessRule], timeout: Duration = standardTimeout) throws(KafkaError) {
        guard !rules.isEmpty else { return }
        var requests = HandleArray(free: rd_kafka_AclBinding_destroy)
        var buffer = [CChar](repeating: 0, count: 256)
        for rule in rules {
            let request = rd_kafka_AclBinding_new(
                rd_kafka_ResourceType_t(UInt32(rule.resource.rawValue)), rule.name,
                rd_kafka_ResourcePatternType_t(UInt32(rule.pattern.rawValue)), rule.principal, rule.host,
                rd_kafka_AclOperation_t(UInt32(rule.operation.rawValue)), rd_kafka_AclPermissionType_t(UInt32(rule.permission.rawValue)),
                &buffer, buffer.count)
            guard let request else { throw KafkaError(RD_KAFKA_RESP_ERR__INVALID_ARG, "access rule: \(text(buffer))") }
            requests.append(request)
        }
        try perform(
            RD_KAFKA_ADMIN_OP_CREATEACLS, "create access rules", timeout: timeout,
            submit: { rd_kafka_CreateAcls($0, &requests.pointers, requests.pointers.count, $1, $2) },
            read: { event throws(KafkaError) in
                var count = 0
                let results = rd_kafka_CreateAcls_result_acls(rd_kafka_event_CreateAcls_result(event), &count)
                for result in elements(results, count) {
                    if let error = rd_kafka_acl_result_error(result) { throw KafkaError(copying: error).at("create access rules") }
                }
            })
    }

    /// The rules that match. Rules with a resource or operation that librdkafka 2.0.2 does not know are left out.
    public func accessRules(_ filter: AccessFilter = AccessFilter(), timeout: Duration = standardTimeout) throws(KafkaError) -> [AccessRule]
    {
        let request = try filterRequest(filter)
        return try perform(
            RD_KAFKA_ADMIN_OP_DESCRIBEACLS, "describe access rules", timeout: timeout,
            submit: { rd_kafka_DescribeAcls($0, request.pointers[0], $1, $2) },
            read: { event in
                var count = 0
                let rules = rd_kafka_DescribeAcls_result_acls(rd_kafka_event_DescribeAcls_result(event), &count)
                return elements(rules, count).compactMap(AccessRule.init(reading:))
            })
    }

    /// Removes the rules that match and returns them.
    public func deleteAccessRules(_ filter: AccessFilter, timeout: Duration = standardTimeout) throws(KafkaError) -> [AccessRule] {
        var requests = try filterRequest(filter)
        return try perform(
            RD_KAFKA_ADMIN_OP_DELETEACLS, "delete access rules", timeout: timeout,
            submit: { rd_kafka_DeleteAcls($0, &requests.pointers, requests.pointers.count, $1, $2) },
            read: { event throws(KafkaError) in
                var count = 0
                let responses = rd_kafka_DeleteAcls_result_responses(rd_kafka_event_DeleteAcls_result(event), &count)
                var deleted: [AccessRule] = []
                for response in elements(responses, count) {
                    if let error = rd_kafka_DeleteAcls_result_response_error(response) {
                        throw KafkaError(copying: error).at("delete access rules")
                    }
                    var ruleCount = 0
                    let rules = rd_kafka_DeleteAcls_result_response_matching_acls(response, &ruleCount)
                    deleted += elements(rules, ruleCount).compactMap(AccessRule.init(reading:))
                }
                return deleted
            })
    }

    private func filterRequest(_ filter: AccessFilter) throws(KafkaError) -> HandleArray {
        var buffer = [CChar](repeating: 0, count: 256)
        // 1 is ANY in each of librdkafka's enumerations.
        let request = rd_kafka_AclBindingFilter_new(
            rd_kafka_ResourceType_t(UInt32(filter.resource?.rawValue ?? 1)), filter.name,
            rd_kafka_ResourcePatternType_t(UInt32(filter.pattern?.rawValue ?? 1)), filter.principal, filter.host,
            rd_kafka_AclOperation_t(UInt32(filter.operation?.rawValue ?? 1)),
            rd_kafka_AclPermissionType_t(UInt32(filter.permission?.rawValue ?? 1)), &buffer, buffer.count)
        guard let request else { throw KafkaError(RD_KAFKA_RESP_ERR__INVALID_ARG, "access rule filter: \(text(buffer))") }
        var requests = HandleArray(free: rd_kafka_AclBinding_destroy)
        requests.append(request)
        return requests
    }
}

extension AccessRule {
    fileprivate init?(reading rule: OpaquePointer) {
        guard
            let resource = Resource(rawValue: Int32(rd_kafka_AclBinding_restype(rule).rawValue)),
            let pattern = Pattern(rawValue: Int32(rd_kafka_AclBinding_resource_pattern_type(rule).rawValue)),
            let operation = Operation(rawValue: Int32(rd_kafka_AclBinding_operation(rule).rawValue)),
            let permission = Permission(rawValue: Int32(rd_kafka_AclBinding_permission_type(rule).rawValue))
        else { return nil }
        self.init(
            resource: resource, name: optionalText(rd_kafka_AclBinding_name(rule)) ?? "", pattern: pattern,
            principal: optionalText(rd_kafka_AclBinding_principal(rule)) ?? "", host: optionalText(rd_kafka_AclBinding_host(rule)) ?? "",
            operation: operation, permission: permission)
    }
}
