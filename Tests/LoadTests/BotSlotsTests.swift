import Foundation
import LocalBroker
import Testing

@testable import meshload

/// What the slots of a chaos run take for a trouble of a bot's, with shell scripts in the place of bots.
@Suite struct BotSlotsTests {
    /// Says in `file` how many SIGTERM it has got, from 0, and ends at the second as a bot does.
    private static func launch(_ file: URL) -> ChildProcess.Launch {
        let script = """
            count=0
            trap 'count=$((count + 1)); echo $count > "$1"; if [ $count -ge 2 ]; then exit 143; fi' TERM
            echo 0 > "$1"
            while true; do sleep 0.02; done
            """
        return ChildProcess.Launch(
            program: "/bin/sh", arguments: ["-c", script, "sh", file.path], environment: ["PATH": "/usr/bin:/bin"])
    }

    private static func wait(for text: String, in file: URL) async throws {
        while try !FileManager.default.fileExists(atPath: file.path) || String(contentsOf: file, encoding: .utf8) != text + "\n" {
            try await Task.sleep(for: .milliseconds(10))
        }
    }

    /// Runs a script in slot 1, which says 0 in the file that it is given when it is ready; gives the troubles when `act` is through and it has
    /// ended: for good, or so often by itself. `says` is the script's third argument.
    private static func troubles(
        _ script: String, limits: BotSlots.Limits = .init(), ends: Int = 0, says words: String = "",
        _ act: (BotSlots, URL) throws -> Void
    ) async throws -> [String] {
        let file = FileManager.default.temporaryDirectory.appending(path: "bot-slots-\(UUID())")
        let log = file.path + ".log"
        defer { for path in [file.path, log] { try? FileManager.default.removeItem(atPath: path) } }
        let slots = BotSlots(limits: limits) { _ in
            ChildProcess.Launch(
                program: "/bin/sh", arguments: ["-c", script, "sh", file.path, "\(ends)", words], environment: ["PATH": "/usr/bin:/bin"],
                output: .file(log))
        }
        defer { slots.killAll() }
        slots.start(1)
        try await wait(for: "0", in: file)
        try act(slots, file)
        while ends > 0 ? slots.restarts < ends : slots.running > 0 { try await Task.sleep(for: .milliseconds(10)) }
        return slots.troubles
    }

    @Test(.timeLimit(.minutes(10))) func aFaultOfNobodyIsATrouble() {
        let slots = BotSlots { _ in ChildProcess.Launch(program: "/bin/false", arguments: [], environment: [:]) }
        defer { slots.killAll() }
        slots.kill(1)
        slots.terminate(2, twice: true)
        slots.freeze(3)
        slots.thaw(4)
        #expect(slots.troubles.count == 4)
        #expect(slots.troubles.allSatisfy { $0.hasSuffix("did not run") }, "\(slots.troubles)")
    }

    @Test(.timeLimit(.minutes(10))) func whoeverEndsByItselfIsATroubleUnlessItMay() async throws {
        // Started again, it finds its file as it was left, and ends again, as often as it is to.
        let script = """
            grep -q go "$1" 2>/dev/null || echo 0 > "$1"
            until grep -q go "$1"; do sleep 0.02; done
            echo end >> "$1"
            if [ $(grep -c end "$1") -le $2 ]; then echo "$3"; exit 3; fi
            while true; do sleep 0.02; done
            """
        let (lonely, fenced) = ("meshload: Bot-1: no answer from x", "meshload: Bot-1: another process runs as Bot-1")
        func trouble(_ words: String) -> [String] { ["bot 1 exited with status 3 by itself: \(words)"] }
        func go(_ file: URL) throws { try Data("go\n".utf8).write(to: file) }
        let unasked = try await Self.troubles(script, ends: 1, says: lonely) { _, file in try go(file) }
        #expect(unasked == trouble(lonely))
        let allowed = try await Self.troubles(script, ends: 2, says: lonely) { slots, file in
            slots.excuse(nil)
            slots.excuse([1])
            slots.excuse([2])
            try go(file)
        }
        #expect(allowed == [])
        // Once for each time that its broker was kept from it.
        let again = try await Self.troubles(script, ends: 2, says: lonely) { slots, file in
            slots.excuse(nil)
            try go(file)
        }
        #expect(again == trouble(lonely))
        // For any other reason it may not.
        for words in ["meshload: Bot-1: mesh.x is missing", "INFO Bot: no answer from x", ""] {
            let otherwise = try await Self.troubles(script, ends: 1, says: words) { slots, file in
                slots.excuse(nil)
                slots.freeze(1)
                slots.thaw(1)
                try go(file)
            }
            #expect(otherwise == trouble(words))
        }
        // A thawed one may find that others have its place.
        let thawed = try await Self.troubles(script, ends: 1, says: fenced) { slots, file in
            slots.freeze(1)
            slots.thaw(1)
            try go(file)
        }
        #expect(thawed == [])
        let twice = try await Self.troubles(script, ends: 2, says: fenced) { slots, file in
            slots.freeze(1)
            slots.thaw(1)
            try go(file)
        }
        #expect(twice == trouble(fenced), "only the process that was frozen")
    }

    private static let idle = ChildProcess.Launch(
        program: "/bin/sh", arguments: ["-c", "while true; do sleep 0.02; done"], environment: ["PATH": "/usr/bin:/bin"])

    /// While it runs: a bot that had too much and was killed since must not pass.
    @Test(.timeLimit(.minutes(10))) func theMostMemoryOfEachBotIsKnownWhenItHasEnded() async throws {
        let slots = BotSlots { _ in Self.idle }
        defer { slots.killAll() }
        slots.start(1)
        // One that has just begun may have none yet.
        while slots.peakMegabytes[1] ?? 0 < 0.1 { try await Task.sleep(for: .milliseconds(10)) }
        slots.kill(1)
        while slots.running > 0 { try await Task.sleep(for: .milliseconds(10)) }
        let peaks = slots.peakMegabytes
        #expect(peaks.keys.sorted() == [1] && peaks[1] ?? 100 < 100, "\(peaks)")
        #expect(slots.troubles == [])
    }

    @Test func theHighestOfAllProcessesOfASlotCountsAndOneThatCannotBeReadIsATrouble() {
        var memory = BotMemory()
        var troubled: [Bool] = []
        for megabytes in [20.0, 160, 30] { troubled.append(memory.note(megabytes, of: 1, process: 7)) }
        // One that ends has none for a moment.
        for megabytes in [nil, nil, nil, nil, 25] as [Double?] { troubled.append(memory.note(megabytes, of: 1, process: 8)) }
        #expect(!troubled.contains(true))
        troubled = (1...10).map { _ in memory.note(nil, of: 1, process: 8) }
        #expect(troubled.count(where: \.self) == 1 && troubled[4], "it is told once")
        #expect(memory.peaks == [1: 160])
    }

    @Test(.timeLimit(.minutes(10))) func aBotWhoseMemoryCannotBeReadIsATrouble() async throws {
        let slots = BotSlots(peak: { _ in nil }, { _ in Self.idle })
        defer { slots.killAll() }
        slots.start(1)
        while slots.troubles.isEmpty { try await Task.sleep(for: .milliseconds(10)) }
        #expect(slots.troubles == ["the memory of bot 1 cannot be read"])
    }

    @Test(.timeLimit(.minutes(10))) func whoeverDrainsTooLongIsATrouble() async throws {
        let deaf = #"trap '' TERM; echo 0 > "$1"; while true; do sleep 0.02; done"#
        let once = try await Self.troubles(deaf, limits: .init(drain: 0.3, end: 0.2)) { slots, _ in slots.terminate(1, twice: false) }
        #expect(once == ["bot 1 did not end within 0.3 s of SIGTERM"])
        let twice = try await Self.troubles(deaf, limits: .init(drain: 60, end: 0.2)) { slots, _ in slots.terminate(1, twice: true) }
        #expect(twice == ["bot 1 did not end within 0.2 s of its second SIGTERM"])
    }

    /// It would be ended as any program that does not care for the signal, which is no fault of a bot's.
    @Test(.timeLimit(.minutes(10))) func whoeverHasNotBegunIsToldLater() async throws {
        let slow = """
            echo 0 > "$1"
            i=0; while [ $i -lt 300000 ]; do i=$((i + 1)); done
            trap 'exit 0' TERM; while true; do sleep 0.02; done
            """
        let troubles = try await Self.troubles(slow) { slots, _ in slots.terminate(1, twice: false) }
        #expect(troubles == [])
    }

    @Test(.timeLimit(.minutes(10))) func anEndWithAStatusIsNoDrain() async throws {
        let failing = #"trap 'exit 7' TERM; echo 0 > "$1"; while true; do sleep 0.02; done"#
        let troubles = try await Self.troubles(failing) { slots, _ in slots.terminate(1, twice: false) }
        #expect(troubles == ["bot 1 was told to end and exited with status 7"])
    }

    /// A storm of SIGTERM meets a bot that drains still from the one before: its second signal ends it, which is no trouble.
    @Test(.timeLimit(.minutes(10))) func aSecondSignalMayEndWhatDrains() async throws {
        let file = FileManager.default.temporaryDirectory.appending(path: "bot-slots-\(UUID())")
        defer { try? FileManager.default.removeItem(at: file) }
        let slots = BotSlots(limits: .init(drain: 600, end: 600)) { _ in Self.launch(file) }
        defer { slots.killAll() }
        slots.start(1)
        try await Self.wait(for: "0", in: file)
        slots.terminate(1, twice: false)
        try await Self.wait(for: "1", in: file)
        slots.terminate(1, twice: true)
        while slots.running > 0 { try await Task.sleep(for: .milliseconds(10)) }
        #expect(slots.troubles == [])
    }
}
