import BotKit
import Envelopes
import FoundationEssentials

struct Unexpected: Error {}

func rejection(_ body: () throws -> some Any) -> Rejection? {
    do {
        _ = try body()
        return nil
    } catch {
        return error as? Rejection
    }
}

extension BotState {
    var encoded: Data? { try? JSONEncoder().encode(self) }
    func decodedAgain() throws -> Self { try JSONDecoder().decode(Self.self, from: JSONEncoder().encode(self)) }
}
