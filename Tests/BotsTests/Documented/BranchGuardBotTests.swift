import BotKit
import Envelopes
import Testing

@Suite struct BranchGuardBotTests {
    private func effects(branch: String) throws -> [Effect<BranchGuardBot.Output, Never>] {
        let commit = CodeCommitted(repository: "https://git.example.org/shop.git", commit: "3f1c9a7be2d4", branch: branch, author: "Ada")
        var state: Never?
        return try BranchGuardBot(configuration: BotConfiguration(name: "BranchGuardBot")).handle(
            .event(try event(commit)), state: &state, context: Context(now: Timestamp(milliseconds: 0), runID: "run-1"))
    }

    private func event(_ payload: some EventPayload) throws -> Event {
        let id = try #require(EventID("event-1"))
        return Event(
            envelope: Envelope(
                id: id, timestamp: Timestamp(milliseconds: 0), source: "mesh", type: type(of: payload).type,
                payload: try payload.jsonBytes()))
    }

    @Test func aCommitToReleaseIsTold() throws {
        guard case .produce(.tell(let notification)) = try #require(try effects(branch: "release").first) else {
            Issue.record("it asks for something else")
            return
        }
        #expect(notification.text == "Ada committed 3f1c9a7b to https://git.example.org/shop.git")
    }

    @Test func otherBranchesAreNoneOfItsBusiness() throws {
        #expect(try effects(branch: "main").isEmpty)
    }
}
