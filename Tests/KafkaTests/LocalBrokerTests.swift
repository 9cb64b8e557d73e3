import FoundationEssentials
import Glibc
import Kafka
import LocalBroker
import LoopbackPorts
import MeshTesting
import Testing

@Suite(.timeLimit(.minutes(10))) struct LocalBrokerTests {
    @Test func itKeepsItsDataOverAStop() async throws {
        let program = try BuiltProgram.path("meshbroker")
        let directory = try TemporaryDirectory.make(prefix: "broker")
        defer { try? FileManager.default.removeItem(atPath: directory) }
        try await blocking {
            for round in 0..<2 {
                let broker = try LocalBroker(program: program, dataDirectory: directory)
                try broker.start()
                let settings = broker.settings
                if round == 0 {
                    let admin = try AdminClient(settings, observer: quiet)
                    try admin.createTopics([NewTopic(name: "kept", partitions: 1)]).check()
                    admin.close()
                    let producer = try Producer(settings, observer: quiet)
                    _ = try producer.sendAndWait([OutgoingRecord(topic: "kept", key: [1], value: nil)])
                    producer.close()
                } else {
                    #expect(try readAll("kept", settings).map(\.key) == [[1]])
                }
                let pid = try #require(broker.processID)
                broker.stop()
                #expect(kill(pid, 0) != 0 && errno == ESRCH)
                broker.stop()
            }
        }
    }

    @Test func whatCannotStartIsSaid() async throws {
        let directory = try TemporaryDirectory.make(prefix: "broker")
        defer { try? FileManager.default.removeItem(atPath: directory) }
        try await blocking {
            let missing = try LocalBroker(program: "/nonexistent", dataDirectory: directory)
            #expect(throws: LocalBrokerError.notBuilt("/nonexistent")) { try missing.start() }
            let broker = try LocalBroker(program: "/bin/false", dataDirectory: directory)
            let error = #expect(throws: LocalBrokerError.self) { try broker.start() }
            #expect(error?.description.contains("exited with status 1") == true)
        }
    }

    @Test func aChosenPortIsNotOneThatTheKernelGivesAway() throws {
        let range = try String(contentsOfFile: "/proc/sys/net/ipv4/ip_local_port_range", encoding: .utf8)
        let first = try #require(range.split(whereSeparator: \.isWhitespace).first.flatMap { Int($0) })
        // Where the kernel's range leaves no room, there is nothing else to choose.
        guard first > 21_000 else { return }
        for _ in 0..<50 {
            let port = Int(try FreePort.choose())
            #expect((20_000..<first).contains(port))
        }
    }

    @Test func aDirectoryInUseIsSaidWithItsUser() async throws {
        let directory = try TemporaryDirectory.make(prefix: "broker")
        defer { try? FileManager.default.removeItem(atPath: directory) }
        try await blocking {
            let program = try BuiltProgram.path("meshbroker")
            let broker = try LocalBroker(program: program, dataDirectory: directory)
            try broker.start()
            defer { broker.stop() }
            let pid = try #require(broker.processID)
            let second = try LocalBroker(program: program, dataDirectory: directory)
            let error = #expect(throws: LocalBrokerError.self) { try second.start() }
            #expect(error?.description.contains("is used by another broker (process \(pid))") == true, "\(String(describing: error))")
        }
    }

    @Test func aPortThatSomebodyElseTakesMeanwhileIsSaidWithItsHolder() async throws {
        let directory = try TemporaryDirectory.make(prefix: "broker")
        defer { try? FileManager.default.removeItem(atPath: directory) }
        try await blocking {
            let program = try BuiltProgram.path("meshbroker")
            let port = try FreePort.choose()
            #expect(PortHolder.of(port) == nil)
            let winner = try LocalBroker(program: program, dataDirectory: directory + "/winner", port: port)
            let loser = try LocalBroker(program: program, dataDirectory: directory + "/loser", port: port)
            try winner.start()
            defer { winner.stop() }
            let pid = try #require(winner.processID)
            let error = #expect(throws: LocalBrokerError.self) { try loser.start() }
            guard case .portTaken(port, let holder) = error else {
                Issue.record("\(String(describing: error))")
                return
            }
            #expect(holder?.pid == pid)
            #expect(error?.description.contains("process \(pid) (meshbroker --data-dir \(directory)/winner") == true)
            #expect(loser.processID == nil)
            // The winner goes on.
            #expect(winner.processID == pid)
        }
    }

    @Test func aChildGetsACleanEnvironmentAndAGroupOfItsOwn() async throws {
        let directory = try TemporaryDirectory.make(prefix: "child")
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let output = try await blocking {
            let child = try ChildProcess.spawn(
                ChildProcess.Launch(
                    program: "/bin/sh", arguments: ["-c", "env; ls /proc/$$/fd | wc -l; exec cat /proc/self/stat /proc/self/status"],
                    environment: ["ONLY": "this"], output: .file(directory + "/out")))
            try #require(child.wait(timeout: .seconds(60)) == .exited(0))
            return (try String(contentsOfFile: directory + "/out", encoding: .utf8), child.pid)
        }
        let lines = output.0.split(separator: "\n")
        #expect(lines.contains("ONLY=this"))
        #expect(!lines.contains { $0.hasPrefix("HOME=") })
        #expect(lines.contains { $0.contains(") R ") && $0.split(separator: " ")[4] == "\(output.1)" })
        #expect(lines.contains { $0.hasPrefix("SigBlk:") && $0.hasSuffix("\t0000000000000000") })
    }

    @Test func aDeafChildIsKilledAfterItsGrace() async throws {
        let status = try await blocking {
            let child = try ChildProcess.spawn(
                ChildProcess.Launch(
                    program: "/bin/sh", arguments: ["-c", "trap '' TERM; while :; do sleep 1; done"], environment: ["PATH": "/bin"]))
            // Until the shell ignores the signal: its line in /proc says so.
            let deadline = ContinuousClock.now.advanced(by: .seconds(60))
            func ignoresTheSignal() throws -> Bool {
                let lines = try String(contentsOfFile: "/proc/\(child.pid)/status", encoding: .utf8).split(separator: "\n")
                let mask = try #require(lines.first { $0.hasPrefix("SigIgn:") }.flatMap { UInt64($0.suffix(16), radix: 16) })
                return mask & 1 << (UInt64(SIGTERM) - 1) != 0
            }
            while try !ignoresTheSignal() {
                try #require(ContinuousClock.now < deadline)
                usleep(10_000)
            }
            return child.stop(grace: .milliseconds(200))
        }
        #expect(status == .signalled(9))
    }
}
