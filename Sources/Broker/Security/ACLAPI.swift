import KafkaProtocol

/// Answers the requests about ACLs. On the broker's thread.
final class ACLAPI {
    /// nil for a broker without ACLs.
    private let acls: ACLBook?
    private let authorizer: any Authorizer
    private let durability: any Durability

    init(acls: ACLBook?, authorizer: any Authorizer, durability: any Durability) {
        self.acls = acls
        self.authorizer = authorizer
        self.durability = durability
    }

    func register(in dispatcher: inout Dispatcher) {
        dispatcher.on(DescribeAclsRequest.self) { [self] request, context in describe(request, context) }
        dispatcher.on(CreateAclsRequest.self) { [self] request, context, reply in
            let response = create(request, context)
            durability.answer(response, of: [.clusterMetadata], reply)
        }
        dispatcher.on(DeleteAclsRequest.self) { [self] request, context, reply in
            let response = delete(request, context)
            durability.answer(response, of: [.clusterMetadata], reply)
        }
    }

    private func acls(for operation: ACLOperation, _ context: RequestContext) throws(ResourceError) -> ACLBook {
        guard authorizer.allowsCluster(operation, context) else {
            throw ResourceError(.clusterAuthorizationFailed, "Cluster authorization failed.")
        }
        guard let acls else { throw ResourceError(.securityDisabled, "No Authorizer is configured on the broker (authorizer.class.name).") }
        return acls
    }

    private func describe(_ request: DescribeAclsRequest, _ context: RequestContext) -> DescribeAclsResponse {
        typealias Resource = DescribeAclsResponse.DescribeAclsResource
        var response = DescribeAclsResponse()
        do throws(ResourceError) {
            let acls = try acls(for: .describe, context)
            var last: ACLPattern?
            for binding in acls.matching(try ACLFilter(request)) {
                if binding.pattern != last {
                    response.resources.append(Resource(binding.pattern))
                    last = binding.pattern
                }
                response.resources[response.resources.count - 1].acls.append(Resource.AclDescription(binding))
            }
        } catch {
            response.errorCode = error.code.rawValue
            response.errorMessage = error.message
        }
        return response
    }

    private func create(_ request: CreateAclsRequest, _ context: RequestContext) -> CreateAclsResponse {
        var valid: [ACLBinding] = []
        var errors: [ResourceError?] = request.creations.map { asked in
            do throws(ResourceError) {
                _ = try acls(for: .alter, context)
                valid.append(try ACLBinding(asked))
                return nil
            } catch {
                return error
            }
        }
        do throws(ResourceError) { try acls?.insert(valid) } catch { errors = errors.map { $0 ?? error } }
        var response = CreateAclsResponse()
        response.results = errors.map { error in
            var result = CreateAclsResponse.AclCreationResult()
            result.errorCode = error?.code.rawValue ?? 0
            result.errorMessage = error?.message
            return result
        }
        return response
    }

    private func delete(_ request: DeleteAclsRequest, _ context: RequestContext) -> DeleteAclsResponse {
        var response = DeleteAclsResponse()
        response.filterResults = request.filters.map { asked in
            var result = DeleteAclsResponse.DeleteAclsFilterResult()
            do throws(ResourceError) {
                let acls = try acls(for: .alter, context)
                let found = acls.matching(try ACLFilter(asked))
                try acls.remove(found)
                result.matchingAcls = found.map { DeleteAclsResponse.DeleteAclsFilterResult.DeleteAclsMatchingAcl($0) }
            } catch {
                result.errorCode = error.code.rawValue
                result.errorMessage = error.message
            }
            return result
        }
        return response
    }
}

extension DescribeAclsResponse.DescribeAclsResource {
    fileprivate init(_ pattern: ACLPattern) {
        self.init()
        resourceType = pattern.type.rawValue
        resourceName = pattern.name
        patternType = pattern.patternType.rawValue
    }
}

extension DescribeAclsResponse.DescribeAclsResource.AclDescription {
    fileprivate init(_ binding: ACLBinding) {
        self.init()
        principal = binding.principal
        host = binding.host
        operation = binding.operation.rawValue
        permissionType = binding.permission.rawValue
    }
}

extension DeleteAclsResponse.DeleteAclsFilterResult.DeleteAclsMatchingAcl {
    fileprivate init(_ binding: ACLBinding) {
        self.init()
        resourceType = binding.pattern.type.rawValue
        resourceName = binding.pattern.name
        patternType = binding.pattern.patternType.rawValue
        principal = binding.principal
        host = binding.host
        operation = binding.operation.rawValue
        permissionType = binding.permission.rawValue
    }
}
