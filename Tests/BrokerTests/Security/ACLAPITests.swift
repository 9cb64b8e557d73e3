import KafkaProtocol
import Testing

@testable import Broker

@Suite struct ACLAPITests {
    private typealias Creation = CreateAclsRequest.AclCreation

    private func creation(_ change: (inout CreateAclsRequest.AclCreation) -> Void = { _ in }) -> CreateAclsRequest.AclCreation {
        var asked = Creation()
        (asked.resourceType, asked.resourceName, asked.resourcePatternType) = (2, "orders", 3)
        (asked.principal, asked.host, asked.operation, asked.permissionType) = ("User:alice", "*", 3, 3)
        change(&asked)
        return asked
    }

    private func create(_ creations: [CreateAclsRequest.AclCreation]) -> CreateAclsRequest {
        var request = CreateAclsRequest()
        request.creations = creations
        return request
    }

    private func describe(_ change: (inout DescribeAclsRequest) -> Void = { _ in }) -> DescribeAclsRequest {
        var request = DescribeAclsRequest()
        (request.resourceTypeFilter, request.patternTypeFilter, request.operation, request.permissionType) = (1, 1, 1, 1)
        change(&request)
        return request
    }

    private func names(_ fixture: SecurityFixture, _ change: (inout DescribeAclsRequest) -> Void) throws -> [String] {
        try fixture.ask(describe(change)).resources.map(\.resourceName)
    }

    @Test func whatIsWrongIsRefusedAndTheRestIsKept() throws {
        let fixture = try SecurityFixture(superUsers: ["User:root"])
        let wrong: [CreateAclsRequest.AclCreation] = [
            creation { $0.resourceType = 0 }, creation { $0.resourceType = 1 }, creation { $0.resourceType = 99 },
            creation { $0.resourceType = 4 }, creation { $0.resourcePatternType = 1 }, creation { $0.resourcePatternType = 2 },
            creation { $0.operation = 0 }, creation { $0.operation = 1 }, creation { $0.operation = 77 },
            creation { $0.permissionType = 1 },
            creation { $0.resourceName = "" }, creation { $0.principal = "alice" }, creation { $0.principal = ":alice" },
            creation { $0.host = "" }, creation { $0.resourceName = String(repeating: "x", count: 1_001) },
        ]
        for version: Int16 in 1...3 {
            let answer = try fixture.ask(create(wrong + [creation()]), version: version)
            #expect(answer.results.map(\.errorCode) == wrong.map { _ in ErrorCode.invalidRequest.rawValue } + [0])
        }
        #expect(try fixture.ask(describe()).resources.count == 1)
    }

    @Test func filtersFindByNameAndByWhatMatches() throws {
        let fixture = try SecurityFixture(superUsers: ["User:root"])
        try fixture.add(
            .allow(.read, "orders"), .allow(.read, "ord", prefixed: true), .allow(.read, "*"), .allow(.read, "other"),
            .deny(.write, "orders", prefixed: true, to: "User:bob", from: "10.0.0.1"), .allow(.read, "orders", .group))
        #expect(try names(fixture) { _ in } == ["*", "ord", "orders", "orders", "other", "orders"])
        #expect(try names(fixture) { ($0.resourceTypeFilter, $0.resourceNameFilter) = (2, "orders") } == ["orders", "orders"])
        let matching = try names(fixture) { ($0.resourceTypeFilter, $0.resourceNameFilter, $0.patternTypeFilter) = (2, "orders", 2) }
        #expect(matching == ["*", "ord", "orders", "orders"])
        #expect(try names(fixture) { ($0.resourceNameFilter, $0.patternTypeFilter) = ("orders", 3) } == ["orders", "orders"])
        #expect(try names(fixture) { ($0.resourceNameFilter, $0.patternTypeFilter) = ("orders", 4) } == ["orders"])
        #expect(try names(fixture) { $0.principalFilter = "User:bob" } == ["orders"])
        #expect(try names(fixture) { $0.hostFilter = "10.0.0.1" } == ["orders"])
        #expect(try names(fixture) { $0.permissionType = 2 } == ["orders"])
        #expect(try names(fixture) { $0.operation = 4 } == ["orders"])
        #expect(try fixture.ask(describe { $0.resourceTypeFilter = 0 }).errorCode == ErrorCode.invalidRequest.rawValue)
        #expect(try fixture.ask(describe { $0.permissionType = 9 }).errorCode == ErrorCode.invalidRequest.rawValue)
    }

    @Test func onlyWhoMayAlterTheClusterChangesACLs() throws {
        let fixture = try SecurityFixture()
        let denied = ErrorCode.clusterAuthorizationFailed.rawValue
        var delete = DeleteAclsRequest()
        delete.filters = [DeleteAclsRequest.DeleteAclsFilter()]
        #expect(try fixture.ask(create([creation()]), as: "alice").results.map(\.errorCode) == [denied])
        #expect(try fixture.ask(delete, as: "alice").filterResults.map(\.errorCode) == [denied])
        #expect(try fixture.ask(describe(), as: "alice").errorCode == denied)
        try fixture.add(.allow(.describe, "kafka-cluster", .cluster))
        #expect(try fixture.ask(describe(), as: "alice").errorCode == 0)
        #expect(try fixture.ask(create([creation()]), as: "alice").results.map(\.errorCode) == [denied])
        try fixture.add(.allow(.alter, "kafka-cluster", .cluster))
        #expect(try fixture.ask(create([creation()]), as: "alice").results.map(\.errorCode) == [0])
    }

    @Test func aBrokerWithoutAnAuthorizerSaysSo() throws {
        var dispatcher = Dispatcher()
        ACLAPI(acls: nil, authorizer: OpenAuthorizer(), durability: ManualDurability()).register(in: &dispatcher)
        #expect(try dispatcher.ask(describe(), version: 3).errorCode == ErrorCode.securityDisabled.rawValue)
        #expect(try dispatcher.ask(create([creation()]), version: 3).results.map(\.errorCode) == [ErrorCode.securityDisabled.rawValue])
    }

    @Test func whatWasCreatedAndDeletedHoldsAfterARestart() throws {
        let state = MemoryStateLog()
        let fixture = try SecurityFixture(state, superUsers: ["User:root"])
        _ = try fixture.ask(create([creation(), creation(), creation { $0.resourceName = "gone" }]))
        #expect(state.entries.count == 2)
        var delete = DeleteAclsRequest()
        var filter = DeleteAclsRequest.DeleteAclsFilter()
        (filter.resourceTypeFilter, filter.resourceNameFilter, filter.patternTypeFilter) = (2, "gone", 3)
        (filter.operation, filter.permissionType) = (1, 1)
        delete.filters = [filter, filter]
        #expect(try fixture.ask(delete).filterResults.map(\.matchingAcls.count) == [1, 0])

        let again = try SecurityFixture(state, superUsers: ["User:root"])
        #expect(try again.ask(describe()).resources.map(\.resourceName) == ["orders"])
        #expect(again.may(.read, "orders"))
        #expect(!again.may(.read, "gone"))
    }

    @Test func anACLThatCannotBeWrittenDoesNotHold() throws {
        let fixture = try SecurityFixture(superUsers: ["User:root"])
        fixture.state.failure = .kafkaStorageError
        #expect(try fixture.ask(create([creation()])).results.map(\.errorCode) == [ErrorCode.kafkaStorageError.rawValue])
        #expect(!fixture.may(.read, "orders"))
    }

    @Test func keysOfDifferentACLsDiffer() {
        let one = ACLRecord(.allow(.read, "a", to: "User:bc"))
        let other = ACLRecord(.allow(.read, "aUser:b", to: "User:c"))
        #expect(one.key != other.key)
        #expect(ACLRecord(.allow(.read, "aU", to: "ser:b")).key != ACLRecord(.allow(.read, "a", to: "User:b")).key)
    }
}
