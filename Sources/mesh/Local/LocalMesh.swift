import BotKit
import Envelopes
import FoundationEssentials
import Glibc
import Kafka
import LocalBroker
import LoopbackPorts
import Synchronization
import Terminal
import Topology

/// The mesh on this machine: a broker if none is named, the topics, and a supervised process for each instance.
final class LocalMesh: Sendable {
    let home: Home
    let dataDirectory: String
    let settings: ClientSettings
    let catalogue: EventCatalogue
    let bots: [BotConfiguration]
    /// What runs at the start; later it is what `mesh.control` wants.
    let instances: [Instance]
    let style: Style
    private let broker: LocalBroker?
    private let logins: MeshLogins?
    private let lock: DirectoryLock
    private let supervisor: Supervisor
    private let progress: Progress
    private let control: ControlWatch
    private let running: RunningMesh
    /// Nobody is before it: what it says goes to a log.
    private let isDetached: Bool
    /// There is a supervisor that can be waited for.
    private let isStarted = Atomic(false)
    private let isStopped = Atomic(false)

    /// Checks the configuration, starts the broker, and makes its topics match. Nothing is left running when it throws.
    init(_ invocation: Invocation) throws {
        Signals.block()
        let style = Style(descriptor: STDOUT_FILENO, environment: invocation.environment)
        self.style = style
        isDetached = invocation.environment[Detach.variable] != nil
        home = try Home.find(invocation.environment)
        dataDirectory = invocation.dataDirectory
        try FileManager.default.createDirectory(atPath: dataDirectory + "/logs", withIntermediateDirectories: true)
        lock = try DirectoryLock(dataDirectory)

        let plan = try MeshPlan(invocation, home: home)
        catalogue = plan.catalogue
        bots = plan.bots
        let counts = try plan.replicas(only: invocation.arguments, replicas: invocation.all("replicas"))
        progress = Progress(style: style, logs: dataDirectory + "/logs")

        (settings, broker, logins) = try Self.broker(invocation, plan, dataDirectory, progress)
        let (progress, settings) = (progress, settings)
        control = ControlWatch(
            settings: settings, startedWith: counts.all, partitions: plan.inputPartitions, say: { progress.say("control", $0) })
        do {
            try plan.applyTopics(settings, progress)
            if let broker { try logins?.grant(plan.access(), at: broker) }
            instances = try control.begin(given: counts.given)
            running = RunningMesh(
                brokers: settings.bootstrapServers, pid: getpid(), startedAt: Timestamp.now.text,
                propertiesFile: logins?.propertiesFile(MeshLogins.operatorName))
            try running.write(in: dataDirectory)
        } catch {
            broker?.stop()
            throw error
        }
        let launch = BotLaunch(
            program: try Executable.neighbour("meshbot"), invocation: invocation, home: home, dataDirectory: dataDirectory,
            settings: settings, logins: logins)
        let fence: (@Sendable (Instance) -> Void)? =
            invocation["delivery"] == "exactly-once" ? { @Sendable in Self.fence($0, settings, progress) } : nil
        supervisor = Supervisor(launch: { launch.launch($0, $1) }, fence: fence, tell: { progress.tell($0) })
    }

    /// A slot that was scaled away and did not end in order must not hold up who reads only what is committed.
    private static func fence(_ instance: Instance, _ settings: ClientSettings, _ progress: Progress) {
        do {
            try Fence.close(instance, settings)
            progress.say("fenced", "\(instance): what it left open is given up")
        } catch {
            progress.say("fenced", "\(instance) not yet: \(error). Its transaction ends by itself within seconds")
        }
    }

    private static func broker(
        _ invocation: Invocation, _ plan: MeshPlan, _ dataDirectory: String, _ progress: Progress
    ) throws -> (ClientSettings, LocalBroker?, MeshLogins?) {
        if let given = try invocation.givenSettings() {
            guard !invocation.has("secure") else {
                throw UsageError("--secure is about the local broker; a Kafka of your own has its logins and ACLs already")
            }
            progress.say("broker", "using Kafka at \(given.bootstrapServers)")
            return (given, nil, nil)
        }
        let wanted = try invocation.integer("port", in: 1...65535).map(UInt16.init)
        let port = wanted.flatMap { FreePort.accepts($0) ? nil : $0 }
        if let wanted, port == nil {
            let holder = PortHolder.of(wanted)?.description ?? "a process of another user"
            progress.say("broker", "port \(wanted) is taken by \(holder); choosing another")
        }
        let chosen = try port ?? FreePort.choose()
        let logins =
            try invocation.has("secure")
            ? MeshLogins(names: plan.bots.map(\.name), dataDirectory: dataDirectory, brokers: "127.0.0.1:\(chosen)") : nil
        let broker = try LocalBroker(
            program: Executable.neighbour("meshbroker"), dataDirectory: dataDirectory + "/broker", port: chosen,
            arguments: logins?.brokerArguments ?? [], login: logins?.operatorSettings())
        try start(broker)
        progress.say("broker", "meshbroker listens on \(broker.bootstrapServers)")
        if let logins {
            progress.say("access", "each bot logs in as itself; you: kcat -F \(logins.propertiesFile(MeshLogins.operatorName)) -L")
        }
        return (broker.settings, broker, logins)
    }

    private static func start(_ broker: LocalBroker) throws {
        do {
            try broker.start()
        } catch {
            guard case .portTaken = error else { throw error }
            throw CommandFailure(
                "\(error). It was free a moment ago: another mesh may have begun at the same time. "
                    + "Nothing was started here. Try again, and a free port is chosen, or name one: --port PORT")
        }
    }

    /// How long the bots have to get ready: far more than they need, on a machine that is busy too.
    private static let patience: Duration = .seconds(180)

    /// Starts the bots, and waits until each of them says that it runs.
    func start() throws {
        isStarted.store(true, ordering: .relaxed)
        Signals.listen { [self] _ in stop() }
        let names = instances.map(\.description).joined(separator: ", ")
        progress.say("bots", instances.isEmpty ? "none is wanted: all are drained, or scaled to 0" : "starting \(names)")
        DedicatedThread.start(name: "supervisor") { [self] in
            supervisor.run(instances)
            progress.setOver()
        }
        DedicatedThread.start(name: "broker-watch") { [self] in keepBrokerRunning() }
        let began = ContinuousClock.now
        let missing = try Readiness(settings: settings, instances: instances)
            .wait(pids: { self.progress.pid(of: $0) }, timeout: Self.patience, isOver: { self.progress.isOver })
        if progress.isOver { throw CommandFailure("stopped") }
        if let (instance, reason) = missing.first {
            let log = progress.log(of: instance)
            stopAndWait()
            let limit = HumanText.duration(Self.patience)
            throw CommandFailure("\(instance) did not get ready within \(limit): \(reason).\n\(lastLines(of: log))\nIts whole log: \(log)")
        }
        let seconds = (began.duration(to: .now) / .milliseconds(100)).rounded() / 10
        progress.say("bots", "all \(instances.count) run (\(seconds) s)")
        progress.setUp()
        var ready = running
        ready.readyAt = Timestamp.now.text
        try ready.write(in: dataDirectory)
        control.follow(isOver: { self.progress.isOver || self.progress.stops > 0 }, want: { self.supervisor.want($0) })
    }

    /// A broker that ends by itself is started again, on the same data and port; the bots find it by themselves. One that cannot be started ends the mesh.
    private func keepBrokerRunning() {
        while let broker, let status = broker.waitForUnexpectedEnd() {
            progress.say("broker", "meshbroker \(status); starting it again (its log: \(dataDirectory)/broker/broker.log)")
            do {
                try broker.start()
                progress.say("broker", "meshbroker listens on \(broker.bootstrapServers) again")
            } catch {
                progress.say("broker", "\(error)")
                return stop()
            }
        }
    }

    /// `mesh up`: prints a line for each event until it is stopped.
    func runUntilStopped() throws -> Int32 {
        do {
            try start()
            if isDetached { progress.waitUntilOver() } else { try showEvents() }
        } catch {
            stopAndWait()
            throw error
        }
        stopAndWait()
        return 0
    }

    private func showEvents() throws {
        let reader = try EventReader(settings: settings, topics: eventTopics, from: .end)
        defer { reader.close() }
        progress.say("ready", "Ctrl-C stops the mesh. Try: README.md has a commit as one kcat line; mesh help lists what else there is")
        let line = EventLine(style: style)
        while !progress.isOver {
            guard let entry = try reader.next(timeout: .milliseconds(250)) else { continue }
            Terminal.write(line.text(entry.envelope, entry.payload) + "\n", to: STDOUT_FILENO)
        }
    }

    /// Throws when the mesh was told to stop, or cannot go on.
    func checkRunning() throws {
        if progress.isOver || progress.stops > 0 { throw CommandFailure("stopped") }
    }

    func say(_ what: String, _ text: String) { progress.say(what, text) }

    /// The first call lets the bots finish what they do; the second ends them at once.
    func stop() {
        if progress.countStop() == 1 {
            progress.say("stop", "letting the bots finish (25 s at most; Ctrl-C again ends them at once)")
            supervisor.drain()
        } else {
            supervisor.kill()
        }
    }

    /// Stops everything that was started, the broker last; blocks.
    func stopAndWait() {
        guard !isStopped.exchange(true, ordering: .relaxed) else { return }
        if isStarted.load(ordering: .relaxed) {
            if progress.stops == 0 { stop() }
            progress.waitUntilOver()
        }
        broker?.stop()
        do {
            try RunningMesh.forget(in: dataDirectory)
        } catch {
            progress.say("stop", "cannot remove \(dataDirectory)/mesh.json: \(error)")
        }
        progress.say("stop", "stopped")
    }

    /// The topics of events that people follow: logs, bookkeeping and internal topics are not among them.
    var eventTopics: Set<String> {
        Set(catalogue.types.filter { !["mesh", "bench"].contains(String($0.domain)) && !$0.name.hasSuffix(".log") }.map(\.name))
    }

    /// What kcat needs to reach the broker.
    var kcatAddress: String {
        logins.map { "-F \($0.propertiesFile(MeshLogins.operatorName))" } ?? "-b \(settings.bootstrapServers)"
    }

    /// The environment at the end of DeployBot's chain.
    var lastEnvironment: String {
        let actions = bots.first { $0.name == "DeployBot" }?.actions ?? []
        var current = actions.first
        while let next = current?.onSuccess, let action = actions.first(where: { $0.name == next }) { current = action }
        return current?.name ?? ""
    }
}
