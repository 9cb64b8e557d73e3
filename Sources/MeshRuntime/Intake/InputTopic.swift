import Envelopes

/// What a topic's records are to the bot. Found out once for many of them.
struct InputTopic: Sendable {
    let name: String
    let isRetry: Bool
    /// The bot's own: only it writes there, and what is written there is believed.
    let isOwn: Bool
    /// What payloads are checked against; nil where the type is whatever the envelope says, or not in the catalogue.
    let rules: PayloadRules?
}
