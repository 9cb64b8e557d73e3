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
    func explanations(isRestoring: Bool = true, at moment: Moment) -> [TopicPartition: String] {
        var reasons: [TopicPartition: String] = [:]
        let isLate = settlesLate(at: moment)
        for job in begun.values where !job.partition.isLost {
            guard let reason = reasonToWait(job, isLate: isLate) else { continue }
            reasons[job.partition.topicPartition] = reason
            for twin in job.twins { reasons[twin.partition.topicPartition] = "a record waits for another of its id: \(reason)" }
        }
        for (topicPartition, partition) in partitions where reasons[topicPartition] == nil {
            reasons[topicPartition] = reasonToWait(partition, isRestoring: isRestoring, isLate: isLate)
        }
        return reasons
    }

    /// Whether a settlement, or a commit, has been on its way or has failed for long: then nothing but what is under way outside explains a standstill.
    private func settlesLate(at moment: Moment) -> Bool {
        let since = [trouble?.since, inFlight.flatMap { $0.isOut ? $0.since : nil }, uncommitted.waitsSince].compactMap { $0 }.min()
        return since.map { moment.uptime - $0 >= SettleTrouble.alarmAfter } ?? false
    }

    /// Whether a record that waits for its time keeps the commit of a retry partition from moving on, or so many of them do that no more are read.
    func waitsForTime(_ partition: AssignedPartition) -> Bool {
        partition.isPaused && partition.waiting > 0 && !hasAmpleRoom(partition) || partition.beginsWithWaiting
    }

    private func reasonToWait(_ job: Job, isLate: Bool) -> String? {
        if job.isDecided || isLate && job.unsettledSteps > 0 && job.runningCalls == 0 { return nil }
        if job.began == nil { return "a record waits to be tried again in its place" }
        guard job.hasUnfinishedCalls else { return nil }
        guard job.heldSince != nil, job.runningCalls == 0 else { return "calls are under way" }
        let waiting = job.calls.filter { $0.phase == .waiting }
        // A step that is held waits for the record that keeps its partition's commit from moving on.
        if waiting.isEmpty { return nil }
        return waiting.contains { breakers[$0.dependency].map { $0.state != .closed } ?? false }
            ? "a dependency is down" : "other records come first"
    }

    private func reasonToWait(_ partition: AssignedPartition, isRestoring: Bool, isLate: Bool) -> String? {
        if isPaused { return "paused" }
        if draining != nil || partition.isLeaving { return "draining" }
        if !partition.isRestored { return isRestoring ? "being restored" : nil }
        if partition.role == .retry, waitsForTime(partition) { return "records wait for their time" }
        if isLate { return nil }
        if parked > 0, partition.isPaused { return "there is no room: records wait to be tried again, or for others of their id" }
        let isBusy = jobsWithCalls >= configuration.constraints.maximumConcurrentJobs || (limiter != nil && !lanes.isEmpty)
        // What was taken in, or cannot be taken in for lack of room, waits for its turn.
        let waitsForTurn = partition.ledger.openCount > 0 || partition.isPaused
        return isBusy && waitsForTurn ? "other records come first" : nil
    }
}
