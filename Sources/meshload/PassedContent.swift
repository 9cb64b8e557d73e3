import Envelopes

/// What a request and its result must both say.
struct PassedContent: Hashable, Decodable {
    let repository: String
    let sequence: Int64
}

extension PassedContent {
    init(of envelope: Envelope) throws { self = try JSONCoder.decode(from: envelope.payload) }
}
