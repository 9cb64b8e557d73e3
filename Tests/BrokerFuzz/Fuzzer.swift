import FoundationEssentials
import Glibc
import KafkaProtocol
import LocalBroker
import LoopbackPorts
import MeshTesting

/// A broker process, and the frames that it gets.
final class Fuzzer {
    /// Every frame is answered or its connection closed within it: milliseconds, far above what any took on a busy machine, and a machine may pause.
    static let patience: Int32 = 60_000
    /// The same for a broken frame that may ask for a wait itself; nothing is wrong when it passes.
    private static let patienceForSleepers: Int32 = 5
    /// The broker's memory never grows beyond it: bytes.
    private static let memoryLimit = 512 << 20
    private static let configuration = """
        max.partitions=100
        group.min.session.timeout.ms=1
        group.max.session.timeout.ms=1000
        group.initial.rebalance.delay.ms=0
        log.segment.bytes=1048576
        log.retention.bytes=2097152
        log.retention.check.interval.ms=500
        """

    /// Where a broker that is built with coverage writes its figures.
    private static let environment = getenv("LLVM_PROFILE_FILE").map { ["LLVM_PROFILE_FILE": String(cString: $0)] } ?? [:]

    private let home: String
    private let port: UInt16
    private let broker: ChildProcess
    private let seed: UInt64
    private var connection: FuzzConnection?
    private var last: [[UInt8]] = []
    private var (answered, closed, asleep, largest) = (0, 0, 0, 0)
    private var (longest, longestName) = (Duration.zero, "")

    init(program: String, seed: UInt64) throws {
        self.seed = seed
        home = "/tmp/broker-fuzz-\(getpid())"
        mkdir(home, 0o700)
        guard let file = fopen(home + "/broker.conf", "w") else { throw FuzzError(description: "no file in \(home)") }
        fputs(Self.configuration, file)
        fclose(file)
        port = try FreePort.choose()
        broker = try ChildProcess.spawn(
            .init(
                program: program,
                arguments: ["--data-dir", home + "/data", "--listen", "127.0.0.1:\(port)", "--config", home + "/broker.conf"],
                environment: Self.environment, output: .file(home + "/log")))
        let deadline = ContinuousClock.now + .seconds(60)
        while connection == nil, broker.exitStatus == nil, ContinuousClock.now < deadline {
            connection = FuzzConnection(port: port)
            if connection == nil { usleep(5000) }
        }
        guard connection != nil else { throw FuzzError(description: "it does not listen; its log is \(home)/log") }
    }

    /// Sends the frames of these numbers. Why it failed; nil when everything held.
    func run(_ numbers: ClosedRange<Int>) -> String? {
        let start = ContinuousClock.now
        do { try CleanTopic.create(port) } catch { return "before all frames: \(error)" }
        for number in numbers {
            if let failure = step(number) { return describe(failure, number) }
            if number % 1000 == 0, let failure = look() { return describe(failure, number) }
        }
        if let failure = look() { return describe(failure, numbers.upperBound) }
        do { try CleanTopic.roundTrip(port) } catch { return describe("after all frames: \(error)", numbers.upperBound) }
        let seconds = ((ContinuousClock.now - start) / .milliseconds(1)).rounded() / 1000
        print(
            "fuzz: \(numbers.count) frames in \(seconds) s, \(Int(Double(numbers.count) / max(seconds, 0.001)))/s: \(answered) answered, "
                + "\(closed) closed, \(asleep) left waiting; at most \(largest >> 20) MB; longest \(longest) (\(longestName))")
        return end(numbers.upperBound)
    }

    private func end(_ frames: Int) -> String? {
        broker.stop(grace: .seconds(60))
        guard broker.exitStatus == .exited(0) else {
            return describe("the broker did not end in order: \(String(describing: broker.exitStatus))", frames)
        }
        do { try FileManager.default.removeItem(atPath: home) } catch { return "\(home) cannot be removed: \(error)" }
        return nil
    }

    private func describe(_ failure: String, _ number: Int) -> String {
        let frames = last.map { frame in frame.prefix(2000).map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined() }
        return "frame \(number): \(failure); the broker's log is \(home)/log; the last frames:\n\(frames.joined(separator: "\n"))"
    }

    private func step(_ number: Int) -> String? {
        // Each frame has a seed of its own, so that it can be made without those before.
        var random = SeededGenerator(seed: seed &* 0x9E37_79B9_7F4A_7C15 ^ UInt64(number) &* 0xD1B5_4A32_D192_ED03)
        let kind = RequestKind.all[Int(random.next() % UInt64(RequestKind.all.count))]
        let version = Int16.random(in: kind.api.versions, using: &random)
        let correlationID = Int32(truncatingIfNeeded: number)
        let isBroken = random.next() % 2 == 0
        guard var frame = try? kind.make(version, correlationID, &random) else { return "\(kind.api.name) \(version) cannot be made" }
        if isBroken { frame = Mutation.apply(to: frame, &random) }
        last = last.suffix(2) + [frame]
        guard let connection = connection ?? FuzzConnection(port: port) else { return "nobody listens" }
        let start = ContinuousClock.now
        connection.send(frame)
        self.connection = isBroken ? nil : connection
        // Of a frame that says it is longer the broker waits for the rest.
        if isBroken, Mutation.isCut(frame) { connection.endSending() }
        let maySleep = isBroken && RequestKind.maySleep(frame)
        let outcome = connection.receive(milliseconds: maySleep ? Self.patienceForSleepers : Self.patience)
        if case .silent = outcome, maySleep {
            asleep += 1
            return nil
        }
        let elapsed = ContinuousClock.now - start
        if elapsed > longest { (longest, longestName) = (elapsed, "\(kind.api.name) \(version)\(isBroken ? ", broken" : "")") }
        return judge(outcome, kind, version, correlationID, isBroken)
    }

    private func judge(_ outcome: FuzzConnection.Outcome, _ kind: RequestKind, _ version: Int16, _ correlationID: Int32, _ isBroken: Bool)
        -> String?
    {
        switch outcome {
        case .silent: return "\(isBroken ? "a broken " : "")\(kind.api.name) \(version) is not answered within \(Self.patience) ms"
        case .closed:
            closed += 1
            connection = nil
            return isBroken || kind.mayBeClosed ? nil : "the connection is closed on a right \(kind.api.name) \(version)"
        case .answer(let bytes):
            answered += 1
            if isBroken { return nil }
            guard bytes.count >= 4, bytes.prefix(4).reduce(UInt32(0), { $0 << 8 | UInt32($1) }) == UInt32(bitPattern: correlationID) else {
                return "the answer to \(kind.api.name) \(version) has another correlation id"
            }
            do { try kind.read(bytes, version) } catch { return "the answer to \(kind.api.name) \(version) cannot be read: \(error)" }
            return nil
        }
    }

    /// Whether the broker lives and is small.
    private func look() -> String? {
        if let status = broker.exitStatus { return "the broker \(status)" }
        truncate(home + "/log", 0)
        guard let file = fopen("/proc/\(broker.pid)/statm", "r") else { return "the broker is gone" }
        defer { fclose(file) }
        var line = [CChar](repeating: 0, count: 200)
        guard fgets(&line, 200, file) != nil else { return "the broker is gone" }
        let fields = String(decoding: line.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self).split(separator: " ")
        let resident = (fields.count > 1 ? Int(fields[1]) ?? 0 : 0) * Int(sysconf(Int32(_SC_PAGESIZE)))
        largest = max(largest, resident)
        return resident > Self.memoryLimit ? "\(resident >> 20) MB are more than \(Self.memoryLimit >> 20)" : nil
    }
}

/// Why there is nothing to fuzz.
struct FuzzError: Error, CustomStringConvertible {
    let description: String
}
