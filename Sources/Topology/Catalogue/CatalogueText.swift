import Envelopes

extension EventCatalogue {
    /// The table of `mesh topics list`: one line a topic.
    public func table(bots: [(name: String, isStateful: Bool)] = []) -> String {
        let rows = [["TOPIC", "OWNER", "PARTITIONS", "RETENTION", "KEY", "SUMMARY"]] + topics(bots: bots).map(\.row)
        let widths = (0..<rows[0].count - 1).map { column in rows.map { $0[column].count }.max() ?? 0 }
        return rows.map { row in
            zip(row, widths + [0]).map { $0.padded(to: $1) }.joined(separator: "  ")
        }.joined(separator: "\n")
    }
}

extension EventDefinition {
    fileprivate var row: [String] { [type.name, owner, "\(partitions)", retentionText, key.isEmpty ? "-" : key, summary] }

    /// `30d`, `12h`, `forever`, `compacted`.
    public var retentionText: String {
        if cleanup == .compact { return "compacted" }
        guard let retention else { return "forever" }
        let seconds = retention.components.seconds
        let text = seconds % 86_400 == 0 ? "\(seconds / 86_400)d" : seconds % 3600 == 0 ? "\(seconds / 3600)h" : "\(seconds)s"
        return cleanup == .delete ? text : "compacted, \(text)"
    }
}
