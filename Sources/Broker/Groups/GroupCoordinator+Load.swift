import KafkaProtocol

/// What the log says when the broker starts.
extension GroupCoordinator {
    /// Reads groups, offsets and open transactions back. Members get a session time-out to show that they are still there. Once, before requests come.
    func load() throws(ErrorCode) {
        var metadata: [String: GroupMetadataValue] = [:]
        var lastTimestamp: Int64 = 0
        try log.replay { entry in
            switch entry {
            case .record(let record, let producer, let offset, let timestamp):
                lastTimestamp = timestamp
                if let producer { epochs.see(producer, now: timestamp) }
                do throws(WireError) {
                    switch try GroupRecord(record) {
                    case .offset(let key, let value):
                        apply(groups[key.group] ?? addGroup(key.group), TopicPartition(key.topic, key.partition), value, producer)
                    case .group(let key, let value): metadata[key.group] = value
                    case nil: hooks.report("record \(offset) of the groups' log is of a kind that is not known; it is passed over")
                    }
                } catch {
                    hooks.report("record \(offset) of the groups' log cannot be read, and is passed over: \(error)")
                }
            case .marker(let producer, let commit, _):
                epochs.see(producer, now: lastTimestamp)
                applyMarker(producer, commit: commit)
            }
        }
        for (id, value) in metadata { restore(groups[id] ?? addGroup(id), value) }
        for group in groups.values { dropIfUnused(group) }
        startRetention()
    }

    private func restore(_ group: Group, _ value: GroupMetadataValue) {
        group.restore(value)
        for member in group.members.values { restartSession(member, group) }
        // The limit may be lower than it was.
        if group.members.count > settings.maximumMembers { rebalance(group) }
    }
}
