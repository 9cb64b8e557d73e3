import KafkaProtocol
import Testing

@testable import Broker

/// What becomes of members whose connection ends while they wait for an answer.
@Suite struct GroupConnectionTests {
    let world = GroupWorld()

    @Test func whoEndsItsConnectionBeforeItsFirstGenerationIsOut() throws {
        let (ids, generation) = try world.stable(1)
        let connection = Session()
        let (newcomer, answer) = try world.joinFirst(by: connection)
        connection.whenEnded?()
        #expect(answer.value?.errorCode == ErrorCode.unknownMemberID.rawValue)
        #expect(world.group()?.members[newcomer] == nil)
        #expect(world.heartbeat(ids[0], generation) == .rebalanceInProgress)
        #expect(world.join(ids[0]).value?.members.map(\.memberId) == ids)
    }

    @Test func theOnlyOneThatEndsItsConnectionLeavesNothing() throws {
        let connection = Session()
        _ = try world.joinFirst(by: connection)
        connection.whenEnded?()
        world.advance(0)
        #expect(world.group()?.members.isEmpty ?? true)
        #expect(try world.stable(2).ids.count == 2)
    }

    /// The first leads: with Kafka the others would wait for a session that begins when the joining ends.
    @Test func aMemberThatEndsItsConnectionWhileItWaitsHasItsSessionToComeBack() throws {
        let (ids, _) = try world.stable(2, session: 10_000)
        let connection = Session()
        _ = world.join(ids[0], by: connection)
        connection.whenEnded?()
        let other = world.join(ids[1])
        world.advance(9_999)
        #expect(other.value == nil)
        world.advance(1)
        #expect(other.value?.members.map(\.memberId) == [ids[1]])
    }

    @Test func whoEndsItsConnectionWhileTheWorkIsSharedHasItsSessionToComeBack() throws {
        let (ids, generation) = try world.stable(2, session: 10_000)
        let joins = [world.join(ids[0]), world.join(ids[1])]
        let next = try #require(joins[0].value?.generationId)
        #expect(next != generation)
        world.advance(5_000)
        #expect(world.heartbeat(ids[0], next) == ErrorCode.none)
        let connection = Session()
        let waiting = world.sync(ids[1], next, by: connection)
        connection.whenEnded?()
        #expect(waiting.value?.errorCode == ErrorCode.rebalanceInProgress.rawValue)
        world.advance(9_999)
        #expect(world.group()?.members[ids[1]] != nil)
        world.advance(1)
        #expect(world.group()?.members[ids[1]] == nil)
    }
}
