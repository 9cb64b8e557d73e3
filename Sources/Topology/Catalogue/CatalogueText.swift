import Envelopes

extension EventDefinition {
    /// `30d`, `12h`, `forever`, `compacted`.
    public var retentionText: String {
        if cleanup == .compact { return "compacted" }
        guard let retention else { return "forever" }
        let seconds = retention.components.seconds
        let text = seconds % 86_400 == 0 ? "\(seconds / 86_400)d" : seconds % 3600 == 0 ? "\(seconds / 3600)h" : "\(seconds)s"
        return cleanup == .delete ? text : "compacted, \(text)"
    }
}
