import KafkaProtocol

/// ListGroups and DescribeGroups.
extension GroupCoordinator {
    /// How many groups are in each state, and what they hold.
    struct Statistics: Equatable {
        var states: [GroupState: Int] = [:]
        var members = 0
        var offsets = 0
        var metadataBytes = 0
    }

    func statistics() -> Statistics {
        var statistics = Statistics()
        for state in GroupState.allCases where state != .dead { statistics.states[state] = 0 }
        for group in groups.values {
            statistics.states[group.state, default: 0] += 1
            statistics.members += group.members.count
            statistics.offsets += group.offsets.count
        }
        statistics.metadataBytes = usage.bytes
        return statistics
    }

    private static let type = "classic"

    func list(_ request: ListGroupsRequest, _ context: RequestContext) -> ListGroupsResponse {
        var response = ListGroupsResponse()
        let states = Set(request.statesFilter.map { $0.lowercased() })
        let types = Set(request.typesFilter.map { $0.lowercased() })
        guard types.isEmpty || types.contains(Self.type) else { return response }
        let seesAll = authorizer.allows(.describe, .cluster, "kafka-cluster", context)
        for group in groups.values.sorted(by: { $0.id < $1.id }) {
            guard states.isEmpty || states.contains(group.state.rawValue.lowercased()) else { continue }
            guard seesAll || authorizer.allows(.describe, .group, group.id, context) else { continue }
            var listed = ListGroupsResponse.ListedGroup()
            listed.groupId = group.id
            listed.protocolType = group.protocolType ?? ""
            listed.groupState = group.state.rawValue
            listed.groupType = Self.type
            response.groups.append(listed)
        }
        return response
    }

    func describe(_ request: DescribeGroupsRequest, _ context: RequestContext) -> DescribeGroupsResponse {
        var response = DescribeGroupsResponse()
        var answered: Set<String> = []
        response.groups = request.groups.filter { answered.insert($0).inserted }.map { id in
            var described = DescribeGroupsResponse.DescribedGroup()
            described.groupId = id
            guard authorizer.allows(.describe, .group, id, context) else {
                described.errorCode = ErrorCode.groupAuthorizationFailed.rawValue
                return described
            }
            if let group = groups[id] {
                fill(&described, group)
            } else {
                described.groupState = GroupState.dead.rawValue
                if context.version >= 6 {
                    described.errorCode = ErrorCode.groupIDNotFound.rawValue
                    described.errorMessage = "Group \(id) not found."
                }
            }
            if request.includeAuthorizedOperations, described.errorCode == 0 { described.authorizedOperations = operations(id, context) }
            return described
        }
        return response
    }

    /// What members say and do is told of a stable group only: else it belongs to no generation.
    private func fill(_ described: inout DescribeGroupsResponse.DescribedGroup, _ group: Group) {
        let isStable = group.state == .stable
        described.groupState = group.state.rawValue
        described.protocolType = group.protocolType ?? ""
        described.protocolData = isStable ? group.protocolName ?? "" : ""
        described.members = group.ordered.map { member in
            var answer = DescribeGroupsResponse.DescribedGroup.DescribedGroupMember()
            answer.memberId = member.id
            answer.groupInstanceId = member.instanceID
            answer.clientId = member.clientID
            answer.clientHost = member.clientHost
            answer.memberMetadata = isStable ? member.metadata(for: group.protocolName) : []
            answer.memberAssignment = isStable ? member.assignment : []
            return answer
        }
    }

    /// A bit for each operation on groups.
    private func operations(_ id: String, _ context: RequestContext) -> Int32 {
        [ACLOperation.read, .delete, .describe].reduce(0) { bits, operation in
            authorizer.allows(operation, .group, id, context) ? bits | 1 << Int32(operation.rawValue) : bits
        }
    }
}
