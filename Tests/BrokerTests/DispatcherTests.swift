import KafkaProtocol
import Testing

@testable import Broker

@Suite struct DispatcherTests {
    private func request(_ key: Int16, _ version: Int16, _ body: [UInt8]) throws -> (RequestHeader, MessageReader) {
        try RequestHeader.read([UInt8(key >> 8), UInt8(key & 0xff), 0, UInt8(version), 0, 0, 0, 9, 0xff, 0xff] + body)
    }

    @Test func whatIsRegisteredIsAnswered() throws {
        var dispatcher = Dispatcher()
        dispatcher.on(ApiVersionsRequest.self) { _, _ in ApiVersionsResponse() }
        let (header, reader) = try request(18, 0, [])
        var answers = 0
        try dispatcher.dispatch(header, reader, RequestContext(version: 0)) { parts in
            answers += 1
            #expect(parts?.first.map { $0.count } == 14)
        }
        #expect(answers == 1)
        #expect(dispatcher.apis == [.apiVersions])
    }

    @Test func whatIsNotRegisteredOrTooNewIsRefused() throws {
        var dispatcher = Dispatcher()
        dispatcher.on(ApiVersionsRequest.self) { _, _ in ApiVersionsResponse() }
        for (key, version, body) in [(18, 9, [0]), (999, 0, []), (3, 0, [])] as [(Int16, Int16, [UInt8])] {
            let (header, reader) = try request(key, version, body)
            #expect(throws: WireError.self) {
                try dispatcher.dispatch(header, reader, RequestContext(version: version)) { _ in Issue.record("answered") }
            }
        }
    }

    @Test func anAnswerThatIsTooLargeEndsTheConnection() throws {
        var dispatcher = Dispatcher()
        dispatcher.on(DescribeGroupsRequest.self) { _, _ in
            var member = DescribeGroupsResponse.DescribedGroup.DescribedGroupMember()
            member.memberMetadata = [UInt8](repeating: 7, count: 1 << 20)
            var group = DescribeGroupsResponse.DescribedGroup()
            group.members = Array(repeating: member, count: 300)
            var response = DescribeGroupsResponse()
            response.groups = [group]
            return response
        }
        let (header, reader) = try request(APIKey.describeGroups.rawValue, 0, [0, 0, 0, 0])
        let context = RequestContext(version: 0)
        var answers = 0
        try dispatcher.dispatch(header, reader, context) { parts in
            answers += 1
            #expect(parts == nil)
        }
        #expect(answers == 1 && context.session.mustClose)
    }

    /// librdkafka 2.16 leaves bytes behind its Metadata request; Kafka passes over them.
    @Test func bytesBehindTheMessageArePassedOver() throws {
        var dispatcher = Dispatcher()
        dispatcher.on(ApiVersionsRequest.self) { _, _ in ApiVersionsResponse() }
        let (header, reader) = try request(18, 0, [1, 2, 3])
        var answers = 0
        try dispatcher.dispatch(header, reader, RequestContext(version: 0)) { _ in answers += 1 }
        #expect(answers == 1)
    }

    @Test(arguments: [("librdkafka", "2.16.0", true), ("a", "1", true), ("not a name!", "1", false), ("", "1", false), ("-a", "1", false)])
    func aClientSaysItsName(_ name: String, _ version: String, _ isRight: Bool) {
        var request = ApiVersionsRequest()
        request.clientSoftwareName = name
        request.clientSoftwareVersion = version
        #expect(request.namesItsClient == isRight)
    }
}
