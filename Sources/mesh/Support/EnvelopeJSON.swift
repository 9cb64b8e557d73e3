import Envelopes

extension Envelope {
    /// The envelope in its flat form, as it is written.
    var json: JSONValue {
        // What the codec writes can be read, but for a payload that somebody nested to the very limit.
        (try? JSONValue.parse(EnvelopeCodec().value(of: self))) ?? .null
    }
}
