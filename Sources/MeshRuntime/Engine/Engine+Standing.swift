import BotKit
import Kafka

/// Why partitions may stand still although records wait in them.
extension Engine {
    /// What tells whether a partition's log was cut while it was read.
    var cutLooks: [CutWatch.Look] {
        partitions.values.filter(\.isRestored).map { partition in
            .init(
                partition: partition.topicPartition, assignment: partition.assignment, next: partition.ledger.nextRead,
                wentBackFrom: partition.wentBackFrom)
        }
    }

    /// The reasons, by partition; a partition without one that stands still is stuck.
    /// - Parameter isRestoring: whether what is still to be restored becomes less: a restoration that always fails explains nothing.
    func explanations(isRestoring: Bool = true) -> [TopicPartition: String] {
        var reasons: [TopicPartition: String] = [:]
        for job in begun.values where !job.partition.isLost {
            guard let reason = reasonToWait(job) else { continue }
            reasons[job.partition.topicPartition] = reason
            for twin in job.twins { reasons[twin.partition.topicPartition] = "a record waits for another of its id: \(reason)" }
        }
        for (topicPartition, partition) in partitions where reasons[topicPartition] == nil {
            reasons[topicPartition] = reasonToWait(partition, isRestoring: isRestoring)
        }
        return reasons
    }

    private func reasonToWait(_ job: Job) -> String? {
        if job.isDecided { return nil }
        if job.began == nil { return "a record waits to be tried again in its place" }
        guard job.hasUnfinishedCalls else { return nil }
        return job.heldSince == nil ? "calls are under way" : "a dependency is down"
    }

    private func reasonToWait(_ partition: AssignedPartition, isRestoring: Bool) -> String? {
        if isPaused { return "paused" }
        if draining != nil || partition.isLeaving { return "draining" }
        if !partition.isRestored { return isRestoring ? "being restored" : nil }
        if partition.role == .retry, partition.waiting > 0 { return "records wait for their time" }
        if parked > 0, partition.isPaused { return "there is no room: records wait to be tried again, or for others of their id" }
        let isBusy = jobsWithCalls >= configuration.constraints.maximumConcurrentJobs || (limiter != nil && !lanes.isEmpty)
        // What was taken in, or cannot be taken in for lack of room, waits for its turn.
        let waitsForTurn = partition.ledger.openCount > 0 || partition.isPaused
        return isBusy && waitsForTurn ? "other records come first" : nil
    }
}
