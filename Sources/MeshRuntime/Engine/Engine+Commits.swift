import Kafka

/// At-least-once: results are delivered, and their offsets committed afterwards.
extension Engine {
    /// Commits what has moved from time to time, and before more results could be repeated after a crash than whoever reads them remembers. Only while no
    /// settlement is on its way: what is not delivered must not be committed. One after the other: of two that wait for a broker that was away, the older could
    /// come last.
    func commitDelivered(at moment: Moment) {
        guard settings.delivery == .atLeastOnce, inFlight == nil, !uncommitted.isAsked else { return }
        guard isCommitDue(at: moment) else { return }
        let offsets = takeOffsets()
        guard !offsets.isEmpty else { return uncommitted.forget() }
        lastCommit = moment.uptime
        uncommitted.asks(of: offsets.keys, at: moment.uptime)
        actions.append(.commit(offsets, isLast: isGivingUp))
    }

    private func isCommitDue(at moment: Moment) -> Bool {
        if let instant = uncommitted.askAgainAt { return moment.uptime >= instant }
        return moment.uptime - lastCommit >= settings.limits.commitInterval || isGivingUp
            || uncommitted.count > settings.limits.repeatableItems / 2
    }

    /// Nothing can be committed while the member joins its group. It is tried again soon. Work goes on until what a crash would repeat is all that whoever reads the
    /// results remembers.
    func commitWaits(_ topicPartitions: some Sequence<TopicPartition>, at moment: Moment) {
        for topicPartition in topicPartitions { partitions[topicPartition]?.isDirty = true }
        uncommitted.waits(until: moment.uptime + Self.putOff)
    }

    /// In milliseconds.
    private static var putOff: Int64 { 10 }

    /// What became of the commit that was asked for last. One that the broker refused is repeated, and nothing is delivered before.
    func commitAnswered(_ topicPartitions: some Sequence<TopicPartition>, _ error: KafkaError?, at moment: Moment) {
        let lasts = moment.uptime - (uncommitted.waitsSince ?? moment.uptime)
        uncommitted.answered(isCommitted: error == nil)
        guard let error else {
            refusalTold = nil
            return
        }
        for topicPartition in topicPartitions { partitions[topicPartition]?.isDirty = true }
        settleAgain.at = max(settleAgain.at, moment.uptime + Self.refusalPause)
        let isTold = refusalTold.map { $0.code == error.code && moment.uptime - $0.at < SettleTrouble.alarmEvery } ?? false
        guard !isTold else { return }
        refusalTold = (error.code, moment.uptime)
        log(
            error.isStaleMember ? .info : lasts >= SettleTrouble.alarmAfter ? .error : .warn,
            "\(contract.name): a commit was refused and is repeated: \(error)")
    }

    /// In milliseconds.
    private static var refusalPause: Int64 { 100 }
}
