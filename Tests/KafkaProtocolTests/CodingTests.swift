import KafkaProtocol
import Testing

@Suite struct CodingTests {
    @Test(arguments: APIKey.apiVersions.versions)
    func apiVersionsGoesThereAndBack(version: Int16) throws {
        var request = ApiVersionsRequest()
        request.clientSoftwareName = "somebody"
        request.clientSoftwareVersion = "1.0"
        let parts = MessageWriter.request(request, correlationID: 7, clientID: "tests", version: version)
        var (header, reader) = try RequestHeader.read(Array(parts.flatMap { $0.inMemory }.dropFirst(4)))
        #expect(header == RequestHeader(apiKey: 18, apiVersion: version, correlationID: 7, clientID: "tests"))
        var read = ApiVersionsRequest()
        try read.code(&reader)
        try reader.finish()
        #expect(read.clientSoftwareName == (version >= 3 ? "somebody" : ""))
    }

    /// From the protocol guide: the size, the correlation id, no error, no APIs, no throttling.
    @Test func anAnswerHasItsSizeInFront() throws {
        let parts = try #require(MessageWriter.response(ApiVersionsResponse(), correlationID: 1, version: 3))
        #expect(parts.flatMap { $0.inMemory } == [0, 0, 0, 12, 0, 0, 0, 1, 0, 0, 1, 0, 0, 0, 0, 0])
    }

    @Test func anAnswerThatIsTooLargeIsNotMade() {
        var member = DescribeGroupsResponse.DescribedGroup.DescribedGroupMember()
        member.memberMetadata = [UInt8](repeating: 7, count: 1 << 20)
        var group = DescribeGroupsResponse.DescribedGroup()
        group.members = [member]
        var response = DescribeGroupsResponse()
        response.groups = [group]
        #expect(MessageWriter.response(response, correlationID: 1, version: 5) != nil)
        // More than a size can say.
        response.groups = Array(repeating: group, count: 2_100)
        #expect(MessageWriter.response(response, correlationID: 1, version: 5) == nil)
    }

    /// 32,768 bytes: more than a length of 16 bits can say.
    @Test func aTextThatOtherVersionsCouldNotCarryIsRefused() {
        var reader = MessageReader([0x81, 0x80, 0x02] + Array(repeating: 0x61, count: 32_768), version: 6, isFlexible: true)
        var text = ""
        #expect(throws: WireError.self) { try reader.string(&text) }
        reader = MessageReader([0x80, 0x80, 0x02] + Array(repeating: 0x61, count: 32_767), version: 6, isFlexible: true)
        #expect(throws: Never.self) { try reader.string(&text) }
        #expect(text.utf8.count == 32_767)
    }

    /// A message about a name can be longer than the name; the limit lies within a character here, which is left out whole.
    @Test(arguments: [false, true]) func aTextIsCutToWhatCanBeRead(isFlexible: Bool) throws {
        var writer = MessageWriter(version: 6, isFlexible: isFlexible)
        var text = String(repeating: "é", count: 20_000)
        writer.string(&text)
        var reader = MessageReader(writer.finish().flatMap { $0.inMemory }, version: 6, isFlexible: isFlexible)
        try reader.string(&text)
        try reader.finish()
        #expect(text == String(repeating: "é", count: 16_383))
    }

    @Test func aLengthBeyondTheFrameIsRefused() {
        var reader = MessageReader([0x7f, 0xff, 0xff, 0xff, 0], version: 0, isFlexible: false)
        var bytes: [UInt8] = []
        #expect(throws: WireError.self) { try reader.bytes(&bytes) }
    }
}

extension MessageWriter.Part {
    var inMemory: [UInt8] {
        switch self {
        case .bytes(let bytes): Array(bytes)
        case .file(let region): (try? region.bytes()) ?? []
        }
    }
}
