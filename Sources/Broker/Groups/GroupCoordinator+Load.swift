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
        dropOffsetsOfNoPartition()
        lowerOffsets()
        for group in groups.values { dropIfUnused(group) }
        startRetention()
    }

    /// A power cut can take the end of a partition and leave commits that lie beyond it: who reads on from there would pass over what is appended before.
    private func lowerOffsets() {
        for group in groups.values { lower(group.offsets, of: group, nil) }
        for (producerID, offsets) in pending.transactions {
            guard let epoch = epochs.newest(producerID) else { continue }
            for (id, offsets) in offsets {
                if let group = groups[id] { lower(offsets, of: group, StateProducer(id: producerID, epoch: epoch)) }
            }
        }
    }

    private func lower(_ offsets: [TopicPartition: CommittedOffset], of group: Group, _ producer: StateProducer?) {
        var lowered: [(partition: TopicPartition, value: OffsetCommitValue)] = []
        for (partition, committed) in offsets {
            guard let end = hooks.endOffset(partition), committed.offset > end else { continue }
            // A transaction's offset that a later one stands above would come last if it were written anew.
            if producer != nil, let newer = group.offsets[partition], newer.order > committed.order { continue }
            hooks.report(
                "group \(group.id) had committed \(committed.offset) of \(partition), which ends at \(end) since a power cut; it reads on from there"
            )
            var value = OffsetCommitValue()
            value.offset = end
            value.leaderEpoch = committed.leaderEpoch
            // The metadata are of the offset that is no more.
            value.commitTimestamp = committed.commitTimestamp
            value.expireTimestamp = committed.expireTimestamp
            lowered.append((partition, value))
        }
        for start in stride(from: 0, to: lowered.count, by: Self.batchSize) {
            let batch = lowered[start..<min(start + Self.batchSize, lowered.count)]
            do throws(ErrorCode) {
                try log.append(batch.map { GroupRecord.offset(Self.key(group.id, $0.partition), $0.value).stateRecord }, producer: producer)
            } catch {
                // The next start does it again: until then it holds in memory.
                hooks.report("the offsets of group \(group.id) that were put back cannot be written yet: \(error)")
            }
            for (partition, value) in batch { apply(group, partition, value, producer) }
        }
    }

    private func restore(_ group: Group, _ value: GroupMetadataValue) {
        group.restore(value)
        for member in group.members.values { restartSession(member, group) }
        // The limit may be lower than it was.
        if group.members.count > settings.maximumMembers { rebalance(group) }
    }
}
