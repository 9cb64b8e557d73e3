import BotKit
import Envelopes
import Kafka

/// Schedules: one record of `schedule.fired` a tick, whatever the number of replicas.
extension Engine {
    func fireSchedules(at moment: Moment) {
        guard !routes.schedules.isEmpty, draining == nil, !isPaused, ticker.isOwner, let home = ticker.home,
            let partition = partitions[home], !partition.isLeaving, let last = ticker.lastLook(at: moment.wall),
            moment.uptime >= ticker.firstFiring, moment.wall.milliseconds - last.milliseconds >= 200
        else { return }
        ticker.looked(at: moment.wall)
        for (pattern, cron, _) in routes.schedules {
            var tick = cron.next(after: last)
            while let due = tick, due <= moment.wall {
                fire(pattern, due, partition, at: moment)
                tick = cron.next(after: due)
            }
        }
    }

    private func fire(_ pattern: String, _ tick: Timestamp, _ partition: AssignedPartition, at moment: Moment) {
        let id = EventID.derived(schedule: pattern, bot: contract.name, tick: tick)
        guard ticker.note(id) else { return }
        do throws(Rejection) {
            let payload = ScheduleFired(bot: contract.name, schedule: pattern, firedAt: tick.text)
            let bytes: [UInt8]
            do { bytes = try payload.jsonBytes() } catch { throw .permanent("unwritable-output", error.description) }
            let envelope = Envelope(
                id: id, timestamp: tick, source: contract.name, type: ScheduleFired.type, version: ScheduleFired.version, payload: bytes)
            let event = try codec.outgoing(envelope, key: payload.key, partition: partition.topicPartition.partition)
            figures.firedSchedule()
            unsettled.append(SettleItem(.own, records: [.event(event)], partition: partition))
        } catch {
            log(.error, "\(contract.name): the schedule \(pattern) cannot fire: \(error.message)")
        }
    }
}
