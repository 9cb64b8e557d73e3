import KafkaProtocol

extension LogStore {
    /// Takes a partition that is not open, and that no topic has, out of the way: one with data is kept under `orphaned`, and told of.
    public func setAside(_ partition: TopicPartition) {
        guard logs[partition] == nil, forget(partition), let name = try? PartitionDirectory.name(partition) else { return }
        setAside(directory + "/partitions/" + name, partition)
        isTreeDirty = true
        context.isManifestDue = true
    }

    func setAside(_ path: String, _ partition: TopicPartition) {
        do throws(StorageError) {
            let files = try FileSystem.list(path)
            guard files.contains(where: { $0.hasSuffix(SegmentFile.log.rawValue) && (FileSystem.size("\(path)/\($0)") ?? 0) > 0 }) else {
                return discard(path)
            }
            let orphans = directory + "/orphaned"
            try FileSystem.makeDirectory(orphans)
            var place = "\(orphans)/\(partition)"
            var number = 1
            while FileSystem.size(place) != nil {
                number += 1
                place = "\(orphans)/\(partition).\(number)"
            }
            try FileSystem.rename(path, to: place)
            context.report(.orphaned(partition, path: place))
        } catch { context.report(.troubled(error)) }
    }
}
