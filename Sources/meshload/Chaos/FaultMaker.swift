import FoundationEssentials
import Glibc
import Kafka

/// Does one fault, or heals one.
struct FaultMaker {
    private let run: ChaosRun

    init(_ run: ChaosRun) { self.run = run }

    func make(_ fault: Fault) throws {
        switch fault {
        case .kill(let slot): run.bots.kill(slot)
        case .terminate(let slot, let twice): run.bots.terminate(slot, twice: twice)
        case .start(let slot): run.bots.start(slot)
        case .freeze(let slot): run.bots.freeze(slot)
        case .thaw(let slot): run.bots.thaw(slot)
        case .killBroker: run.broker.kill()
        case .startBroker: try run.broker.local?.start()
        case .freezeBroker: run.broker.local?.signal(.freeze)
        case .thawBroker: run.broker.local?.signal(.thaw)
        case .links(let slot, let weather):
            for slot in slot.map({ [$0] }) ?? Array(1...run.plan.bots) {
                run.broker.proxy?.set(weather, client: ChaosLaunch.clientID(slot))
            }
        case .breakDependency: try run.workspace.write("down\n", to: ChaosLaunch.downFile)
        case .mendDependency: try FileManager.default.removeItem(atPath: run.workspace.file(ChaosLaunch.downFile))
        case .refuseDeadLetters: try limitDeadLetters("1")
        case .acceptDeadLetters: try limitDeadLetters(nil)
        case .fillDisk: try run.broker.setDiskFull(true)
        case .freeDisk: try run.broker.setDiskFull(false)
        case .stepClock(let slot, let seconds): try ClockShift.set(seconds, ChaosLaunch.clockFile(slot), in: run.workspace)
        }
    }

    /// No record is as small as a byte.
    private func limitDeadLetters(_ bytes: String?) throws {
        let admin = try AdminClient(run.broker.client)
        defer { admin.close(timeout: .seconds(1)) }
        try admin.alterConfigs(.topic(ChaosTopics.deadLetters), ["max.message.bytes": bytes])
    }
}

/// The file that tells the preload of `loadtest/clock` how far a process's clock is off: seconds, as a native 64-bit number.
enum ClockShift {
    /// Writes in place: the process has this very file mapped.
    static func set(_ seconds: Int, _ name: String, in workspace: Workspace) throws {
        let path = workspace.file(name)
        let file = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0o600)
        guard file >= 0 else { throw LoadFailure("\(path): \(String(cString: strerror(errno)))") }
        defer { close(file) }
        let written = withUnsafeBytes(of: Int64(seconds)) { pwrite(file, $0.baseAddress, $0.count, 0) }
        guard written == MemoryLayout<Int64>.size else { throw LoadFailure("\(path) cannot be written") }
    }
}
