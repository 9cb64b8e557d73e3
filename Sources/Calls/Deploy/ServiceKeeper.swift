import BotKit
import Glibc

/// Keeps deployed services running as long as it lives: what has ended by itself, or with the machine, is started again, less and less often when it
/// does not stay. One process of a data directory does this at a time.
final class ServiceKeeper: Sendable {
    private let task: Task<Void, Never>

    /// How long a service must be gone before it is started again: the check after a switch sees first that it ended.
    static let interval: Duration = .seconds(3)
    static let longestPause: Duration = .seconds(300)

    init(dataDirectory: String, services: ServiceSupervisor, clock: any Clock<Duration>) {
        task = Task.detached {
            var round = KeeperRound(dataDirectory: dataDirectory, services: services)
            while !Task.isCancelled {
                round = await onOwnThread { [round] in
                    var round = round
                    round.run()
                    return round
                }
                do { try await clock.sleep(for: Self.interval) } catch { return }
            }
        }
    }

    deinit { task.cancel() }
}

/// One look at all records, and what is remembered from look to look.
private struct KeeperRound: Sendable {
    private struct Loss: Sendable {
        var record: ServiceRecord
        var tries = 0
        var nextTry: ContinuousClock.Instant
    }
    private let dataDirectory: String
    private let services: ServiceSupervisor
    private var losses: [String: Loss] = [:]
    /// What is gone at the start has been gone for long.
    private var isFirst = true

    init(dataDirectory: String, services: ServiceSupervisor) {
        self.dataDirectory = dataDirectory
        self.services = services
    }

    mutating func run() {
        defer { isFirst = false }
        let records = ServiceRecord.all(dataDirectory: dataDirectory)
        guard !records.isEmpty else { return }
        let now = ContinuousClock.now
        do {
            guard let lock = try DirectoryLock("\(dataDirectory)/services/.keeper") else { return }
            defer { withExtendedLifetime(lock) {} }
            losses = losses.filter { name, _ in records.contains { $0.name == name } }
            for record in records where !record.isAlive {
                var loss = losses[record.name] ?? Loss(record: record, nextTry: isFirst ? now : now + ServiceKeeper.interval)
                if loss.nextTry <= now {
                    // A deploy that is under way holds the environment's lock and sees to its service itself.
                    let root = record.path.split(separator: "/").dropLast(2).joined(separator: "/")
                    guard let lock = try DirectoryLock("/\(root)/.lock") else { continue }
                    defer { withExtendedLifetime(lock) {} }
                    loss.tries += 1
                    loss.nextTry = now + min(ServiceKeeper.interval * (1 << min(loss.tries, 10)), ServiceKeeper.longestPause)
                    losses[record.name] = loss
                    try services.revive(record)
                } else {
                    losses[record.name] = loss
                }
            }
        } catch {
            complain("\(error)")
        }
    }

    /// There is no run whose log could tell it.
    private func complain(_ problem: String) {
        let line = "DeployBot: a deployed service cannot be started again: \(problem)\n"
        _ = line.utf8.withContiguousStorageIfAvailable { write(STDERR_FILENO, $0.baseAddress, $0.count) }
    }
}
