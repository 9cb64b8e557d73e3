import BotKit
import Envelopes

extension Bot {
    /// A state as the state topic has it. Throws for what has another form than the bot's state.
    func decodeState(_ bytes: [UInt8]) throws -> any BotState { try JSONCoder.decode(from: bytes) as State }
}
