import Calls
import Envelopes
import Kafka
import Terminal

/// Tells a cluster what stands on `mesh.control`, now and whenever it changes. Confined to the main thread.
struct ControlFollower {
    let settings: ClientSettings
    let namespace: String
    /// What kubectl gets of this process's environment.
    let environment: [String: String]
    let output: Output

    /// A call of kubectl that takes longer is given up.
    private static let patience: Duration = .seconds(30)

    /// Once: tells what is wanted now. Gives 1 when kubectl refused something.
    func once() throws -> Int32 {
        let records = try LastRecords<ControlRecord>(settings, topic: ControlRecord.topic)
        defer { records.close() }
        try records.catchUp()
        return tell(ReplicaOrders(Wishes(records: records.values)).changes(since: nil)) ? 0 : 1
    }

    /// Until `stop`. What kubectl refuses is tried again; a broker that is away changes nothing.
    func follow(until stop: StopSign) -> Int32 {
        var pause: Duration = .milliseconds(500)
        while !stop.isSet {
            do {
                let records = try LastRecords<ControlRecord>(settings, topic: ControlRecord.topic)
                defer { records.close() }
                try records.catchUp()
                var told: ReplicaOrders?
                while !stop.isSet {
                    let orders = ReplicaOrders(Wishes(records: records.values))
                    if tell(orders.changes(since: told)) {
                        told = orders
                        pause = .milliseconds(500)
                    } else {
                        stop.wait(until: .now.advanced(by: pause))
                        pause = min(pause * 2, .seconds(30))
                    }
                    _ = try records.follow(timeout: .milliseconds(250))
                }
            } catch {
                output.line("mesh.control cannot be read, trying on: \(error)")
                stop.wait(until: .now.advanced(by: pause))
                pause = min(pause * 2, .seconds(30))
            }
        }
        return 0
    }

    /// Whether all of it was told.
    private func tell(_ changes: [(bot: String, replicas: Int?)]) -> Bool {
        var isAll = true
        for (bot, replicas) in changes {
            let command = ChildCommand(
                "kubectl", ReplicaOrders.arguments(bot: bot, replicas: replicas, namespace: namespace), environment: environment,
                limits: ChildLimits(time: Self.patience, outputBytes: 1 << 20))
            do {
                let result = try waitFor { try await ChildProcess.run(command) }
                if result.isSuccess {
                    output.line("\(bot): " + (replicas.map { "\($0) replicas" } ?? "as many as KEDA decides"))
                    continue
                }
                output.line("\(bot): kubectl refused: \(result.tail.last ?? result.reason)".printable)
            } catch {
                output.line("\(bot): kubectl cannot be run: \(error)")
            }
            isAll = false
        }
        return isAll
    }
}
