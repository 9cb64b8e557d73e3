import FoundationEssentials
import Glibc
import Kafka
import LocalBroker
import LoopbackPorts
import Synchronization

/// The Kafka of a run: a local broker of its own, or the one that is named from outside.
final class ChaosBroker: Sendable {
    /// For the producer and the checker: beside the proxy.
    let client: ClientSettings
    /// What the bots are told.
    let addressForBots: String
    let local: LocalBroker?
    let proxy: LinkProxy?
    /// Where its data is, on a disk that can be filled.
    private let disk: (small: SmallDisk, directory: String)?
    /// Its log, in the workspace.
    static let log = "broker/broker.log"
    private let ends = Mutex<[String]>([])
    private let isOver = Atomic(false)
    private let interruption: Int?

    /// A Kafka that is not ours.
    init(foreign: ClientSettings) {
        client = foreign
        addressForBots = foreign.bootstrapServers
        (local, proxy, disk, interruption) = (nil, nil, nil, nil)
    }

    /// Starts a broker with a directory below the workspace. Where somebody else takes its port before it can, runs beside this one for instance, on another.
    static func start(_ plan: ChaosPlan, in workspace: Workspace, program: String) throws -> ChaosBroker {
        for _ in 0..<3 {
            do {
                return try ChaosBroker(plan, in: workspace, program: program, port: FreePort.choose())
            } catch LocalBrokerError.portTaken {}
        }
        return try ChaosBroker(plan, in: workspace, program: program, port: FreePort.choose())
    }

    private init(_ plan: ChaosPlan, in workspace: Workspace, program: String, port: UInt16) throws {
        var arguments: [String] = []
        if plan.scenario == .network {
            let proxy = try LinkProxy(upstream: port)
            try workspace.write("advertised.listeners=127.0.0.1:\(proxy.port)\n", to: "broker.properties")
            arguments = ["--config", workspace.file("broker.properties")]
            self.proxy = proxy
        } else {
            proxy = nil
        }
        let link = proxy
        var isStarted = false
        defer { if !isStarted { link?.stop() } }
        let directory = workspace.file("broker")
        var program = program
        if plan.scenario == .diskFull {
            try FileManager.default.createDirectory(atPath: directory + "/data", withIntermediateDirectories: true)
            let disk = (small: SmallDisk(mebibytes: plan.brokerDiskMebibytes), directory: directory + "/data")
            program = try disk.small.wrapper(for: program, over: disk.directory, in: workspace)
            self.disk = disk
        } else {
            disk = nil
        }
        let local = try LocalBroker(
            program: program, dataDirectory: directory, port: port, arguments: arguments, onParentDeath: .kill)
        client = local.settings
        addressForBots = proxy.map { "127.0.0.1:\($0.port)" } ?? local.bootstrapServers
        self.local = local
        interruption = try Interruption.add(making: { try local.start() }, undo: { local.kill() }).id
        isStarted = true
        DedicatedThread.start(name: "broker-watch") { [self] in
            while !isOver.load(ordering: .relaxed) {
                guard let status = local.waitForUnexpectedEnd() else {
                    usleep(20_000)
                    continue
                }
                ends.withLock { $0.append("the broker \(status) by itself") }
            }
        }
    }

    /// How it ended where nobody asked it to.
    var troubles: [String] { ends.withLock { $0 } }

    func stop() {
        isOver.store(true, ordering: .relaxed)
        if let interruption { Interruption.remove(interruption) }
        local?.signal(.thaw)
        local?.stop()
        proxy?.stop()
    }

    /// Ends it at once.
    func kill() { local?.kill() }

    /// Takes all the space of the broker's disk, or gives it back.
    func setDiskFull(_ isFull: Bool) throws {
        guard let disk, let pid = local?.processID else { throw LoadFailure("there is no small disk, or no broker on it") }
        // The disk is mounted where only the broker sees it.
        let filler = SmallDisk.seen(disk.directory, by: pid) + "/filler"
        if isFull { try disk.small.fill(filler) } else { try FileManager.default.removeItem(atPath: filler) }
    }
}
