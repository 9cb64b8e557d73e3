import Envelopes
import Glibc
import Kafka
import Topology

/// The local supervisor's part in desired state: reads `mesh.control` at the start, follows it from then on, and says what changes.
final class ControlWatch: Sendable {
    private let settings: ClientSettings
    /// How many of each bot the mesh was started with; what `mesh.control` says stands above it.
    private let startedWith: [String: Int]
    /// How many partitions the input topics of each bot have.
    private let partitions: [String: [String: Int]]
    private let say: @Sendable (String) -> Void

    init(
        settings: ClientSettings, startedWith: [String: Int], partitions: [String: [String: Int]], say: @escaping @Sendable (String) -> Void
    ) {
        self.settings = settings
        self.startedWith = startedWith
        self.partitions = partitions
        self.say = say
    }

    /// What shall run at the start. Numbers that were given on the command line become what is wanted, also for whoever looks later.
    func begin(given: Set<String>) throws -> [Instance] {
        let records = try LastRecords<ControlRecord>(settings, topic: ControlRecord.topic)
        defer { records.close() }
        try records.catchUp()
        var wishes = Wishes(records: records.values)
        let changes = startedWith.filter { given.contains($0.key) && wishes.replicas(of: $0.key) != $0.value }.sorted { $0.key < $1.key }
            .map { (target: Target(bot: $0.key, replica: nil), change: Change.replicas($0.value)) }
        if !changes.isEmpty {
            wishes = try ControlWriter(settings: settings, person: Person.name(settings)).write(changes, over: wishes)
        }
        for bot in startedWith.keys.sorted() {
            for line in Self.news(of: bot, startedWith[bot] ?? 1, before: Wishes(), now: wishes) where !given.contains(bot) || !line.isCount
            {
                say(line.text)
            }
            warn(bot, wishes)
        }
        return wishes.wanted(startedWith).sorted { ($0.bot, $0.replica) < ($1.bot, $1.replica) }
    }

    /// Hands on what is wanted, now and whenever it changes, until `isOver`; on a thread of its own. A broker that is away changes nothing.
    func follow(isOver: @escaping @Sendable () -> Bool, want: @escaping @Sendable (Set<Instance>) -> Void) {
        DedicatedThread.start(name: "control-watch") { [self] in
            var known: Wishes?
            var pause: UInt32 = 100_000
            var unreadable = 0
            while !isOver() {
                do {
                    let records = try LastRecords<ControlRecord>(settings, topic: ControlRecord.topic)
                    defer { records.close() }
                    try records.catchUp()
                    pause = 100_000
                    while !isOver() {
                        let wishes = Wishes(records: records.values)
                        tell(known, wishes)
                        known = wishes
                        want(wishes.wanted(startedWith))
                        if records.unreadable > unreadable {
                            say("what cannot be read of mesh.control is left out: \(records.unreadable) so far")
                        }
                        unreadable = records.unreadable
                        while !isOver(), try !records.follow(timeout: .milliseconds(250)) {}
                    }
                } catch {
                    if pause == 100_000, !isOver() { say("mesh.control cannot be read, trying on: \(error)") }
                    usleep(pause)
                    pause = min(pause * 2, 5_000_000)
                }
            }
        }
    }

    private func tell(_ before: Wishes?, _ now: Wishes) {
        guard let before else { return }
        for (bot, count) in startedWith.sorted(by: { $0.key < $1.key }) {
            let news = Self.news(of: bot, count, before: before, now: now)
            for line in news { say(line.text) }
            if news.contains(where: \.isCount) { warn(bot, now) }
        }
    }

    private func warn(_ bot: String, _ wishes: Wishes) {
        if let count = wishes.replicas(of: bot), count > Wishes.maximumReplicas {
            say("warning: \(count) of \(bot) are wanted; one machine runs \(Wishes.maximumReplicas) of a bot at most")
        }
        let count = wishes.slots(of: bot, otherwise: startedWith[bot] ?? 1).count { wishes.state(of: $0) != .drained }
        if let text = ReplicaWarning.text(bot: bot, replicas: count, partitions: partitions[bot] ?? [:]) { say("warning: \(text)") }
    }

    /// A change of what is wanted, in words.
    struct News: Equatable {
        let text: String
        /// Whether it is about how many there shall be.
        var isCount = false
    }

    /// What has changed of a bot that the mesh was started with `count` of.
    static func news(of bot: String, _ count: Int, before: Wishes, now: Wishes) -> [News] {
        var news: [News] = []
        let (old, new) = (before.slots(of: bot, otherwise: count).count, now.slots(of: bot, otherwise: count).count)
        if old != new {
            news.append(News(text: "\(bot): \(new) instead of \(old)\(by(now.records[bot]?.requestedBy))", isCount: true))
        }
        for instance in now.slots(of: bot, otherwise: count) {
            let (old, new) = (before.state(of: instance), now.state(of: instance))
            if old != new {
                news.append(News(text: "\(instance) shall be \(new.rawValue)\(by(now.requester(of: instance)))"))
            }
        }
        return news
    }

    private static func by(_ person: String?) -> String { person.map { ", asked for by \($0.prefix(100))" } ?? "" }
}
