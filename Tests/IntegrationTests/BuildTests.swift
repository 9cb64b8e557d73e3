import Envelopes
import FoundationEssentials
import Glibc
import MeshTesting
import Testing

/// BuildBot and TestBot as a user meets them: one line for kcat, a replica that is killed, a build that is cancelled.
@Suite(.serialized) struct BuildTests {
    /// A build long enough to be disturbed.
    private static let slow = [
        ".botmesh.yaml":
            "build:\n  - name: slow\n    command: echo under way; sleep 20; echo done > done\ntest:\n  - command: grep -q done done\n"
    ]

    @Test("kcat's one line starts a build, with a key and without; its events carry CloudEvents headers")
    func kcat() async throws {
        let mesh = try await MeshUnderTest.start(bots: ["BuildBot", "TestBot"])
        do {
            let repository = try await GitRepository(
                mesh.directory,
                files: [".botmesh.yaml": "build:\n  - command: echo built > out\ntest:\n  - name: unit\n    command: grep -q built out\n"])
            let head = try await repository.head()
            let file = mesh.directory + "/line.json"
            try Data((repository.committed(head) + "\n").utf8).write(to: URL(filePath: file))
            for key in [[], ["-K", "|"]] {
                if !key.isEmpty { try Data(("a key|" + repository.committed(head) + "\n").utf8).write(to: URL(filePath: file)) }
                let brokers = try #require(mesh.settings["bootstrap.servers"])
                let sent = try await Programs.run(
                    Programs.find("kcat"), ["-P", "-b", brokers, "-m", "60", "-t", "code.committed"] + key + ["-l", file],
                    log: mesh.directory + "/kcat.log")
                #expect(sent.status == .exited(0), "\(sent.text)")
            }
            // Topics are read side by side: a test's end may be seen before the end of the build that it is of.
            try await eventually("two builds to be completed and tested", within: .seconds(120)) {
                try ["build.completed", "test.completed"].allSatisfy { try mesh.log.events(of: $0).count >= 2 }
            }
            let completed = try mesh.log.events(of: "build.completed")
            #expect(completed.count == 2 && Set(completed.map(\.envelope.id)).count == 2)
            #expect(completed.allSatisfy { $0.text("commit") == head && $0.text("status") == "success" })
            // The same tree gives the same artifact.
            #expect(Set(completed.compactMap { $0.payload["artifact"]?["sha256"]?.string }).count == 1)
            let headers = Set(try #require(completed.first).record.headers.map(\.name))
            #expect(headers.isSuperset(of: ["ce_specversion", "ce_id", "ce_type", "ce_source", "content-type"]))
            // The log has a producer of its own.
            try await eventually("the mesh's own lines in the log", within: .seconds(120)) {
                try mesh.log.events(of: "build.log").contains { $0.text("stream") == "mesh" }
            }
            let tested = try mesh.log.events(of: "test.completed")
            #expect(tested.allSatisfy { $0.payload["total"]?.integer == 1 && $0.payload["failed"]?.integer == 0 })
        } catch {
            try await mesh.stop()
            throw error
        }
        #expect(try await mesh.stop() == .exited(0))
    }

    @Test("A replica killed in the middle of a build: the build is taken over, and exactly one build.completed is visible")
    func kill() async throws {
        let mesh = try await MeshUnderTest.start(bots: ["BuildBot"], replicas: ["BuildBot=2"])
        do {
            let repository = try await GitRepository(mesh.directory, files: Self.slow)
            let head = try await repository.head()
            try await mesh.produce("code.committed", repository.committed(head))
            let started = try await mesh.event("build.started")
            let build = try #require(started.text("build_id"))
            _ = try await mesh.event("build.log") { $0.text("text") == "under way" }
            // The group may still be sharing its partitions out: then the build has just changed hands, and begins again.
            var victim: Int32?
            try await eventually("the build's process", within: .seconds(120)) {
                victim = try process(of: build, below: mesh.directory)
                return victim != nil
            }
            #expect(Glibc.kill(try #require(victim), SIGKILL) == 0)
            _ = try await mesh.event("build.completed", within: .seconds(120))
            // Nothing more comes of it: a second build leaves it at one each.
            try await mesh.produce("code.committed", repository.committed(head))
            try await eventually("the second build", within: .seconds(120)) { try mesh.log.events(of: "build.completed").count >= 2 }
            let completed = try mesh.log.events(of: "build.completed")
            #expect(completed.count { $0.text("build_id") == build } == 1)
            #expect(completed.count == 2)
            #expect(try mesh.log.events(of: "build.started").count { $0.text("build_id") == build } == 1)
            #expect(try mesh.log.events(of: "build.failed").isEmpty)
            // The step of the dead replica died with it, and left nothing that is still in use.
            #expect(completed.allSatisfy { $0.payload["artifact"]?["sha256"] == completed[0].payload["artifact"]?["sha256"] })
        } catch {
            try await mesh.stop()
            throw error
        }
        #expect(try await mesh.stop() == .exited(0))
    }

    @Test("mesh cancel ends a build that runs, and says who asked and why")
    func cancel() async throws {
        let mesh = try await MeshUnderTest.start(bots: ["BuildBot"])
        do {
            let repository = try await GitRepository(
                mesh.directory, files: [".botmesh.yaml": "build:\n  - name: endless\n    command: echo under way; sleep 600\n"])
            try await mesh.produce("code.committed", repository.committed(repository.head()))
            let build = try #require(try await mesh.event("build.started").text("build_id"))
            _ = try await mesh.event("build.log") { $0.text("text") == "under way" }
            let answer = try await mesh.mesh("cancel", build, "--reason", "not needed")
            #expect(answer.status == .exited(0), "\(answer.text)")
            let cancelled = try await mesh.event("build.cancelled")
            #expect(cancelled.text("build_id") == build && cancelled.text("reason") == "not needed")
            #expect(cancelled.text("requested_by")?.isEmpty == false)
            #expect(try mesh.log.events(of: "build.completed").isEmpty && mesh.log.events(of: "build.failed").isEmpty)
            #expect(try process(of: build, below: mesh.directory) == nil)
        } catch {
            try await mesh.stop()
            throw error
        }
        #expect(try await mesh.stop() == .exited(0))
    }

    /// What a step printed, as the kept logs of the runs have it.
    private static func lines(of step: String, below directory: String) throws -> [String] {
        let files = try FileManager.default.subpathsOfDirectory(atPath: directory).filter {
            $0.contains("logs/runs/") && $0.hasSuffix(".log")
        }
        return files.flatMap { file in
            String(decoding: FileManager.default.contents(atPath: "\(directory)/\(file)") ?? Data(), as: UTF8.self).split(separator: "\n")
                .filter { $0.hasPrefix("\(step) stdout ") }.map { String($0.dropFirst("\(step) stdout ".count)) }
        }
    }

    @Test("Pipelines that bomb, flood, hang, and reach for secrets are stopped or see nothing, and the mesh stays up")
    func hostile() async throws {
        let mesh = try await MeshUnderTest.start(bots: ["BuildBot"])
        do {
            let commands = [
                "bomb": "bomb() { bomb | bomb & }; bomb; sleep 60", "flood": "yes $(printf '%4000s' x | tr ' ' x)",
                "hang": "trap '' TERM; while :; do sleep 1; done",
                "outside": "touch /usr/pwned \(mesh.directory)/pwned && touch /etc/pwned",
            ]
            for (name, command) in commands.sorted(by: { $0.key < $1.key }) {
                let file = "build:\n  - name: \(name)\n    timeout: 4\n    command: |\n      \(command)\n"
                let repository = try await GitRepository(mesh.directory, files: [".botmesh.yaml": file])
                try await mesh.produce("code.committed", repository.committed(repository.head()))
            }
            let curious = try await GitRepository(
                mesh.directory,
                files: [
                    ".botmesh.yaml":
                        "build:\n  - name: curious\n    command: cat /proc/*/environ | tr '\\0' '\\n'; env; ls \(mesh.directory); echo looked\n"
                ])
            try await mesh.produce("code.committed", curious.committed(curious.head()))
            try await eventually("all hostile builds to end", within: .seconds(120)) {
                try mesh.log.events(of: "build.failed").count == 4 && mesh.log.events(of: "build.completed").count == 1
            }
            #expect(Set(try mesh.log.events(of: "build.failed").compactMap { $0.text("failed_step") }) == Set(commands.keys))
            #expect(!FileManager.default.fileExists(atPath: mesh.directory + "/pwned"))
            // Not from build.log: where the flood fills the queue of what is told beside the results, lines of others are left out too.
            let seen = try Self.lines(of: "curious", below: mesh.directory + "/data")
            #expect(seen.last == "looked")
            #expect(!seen.contains { $0.hasPrefix("KAFKA_") || $0.hasPrefix("MESH_DATA_DIR") || $0.hasPrefix("MESH_HOME") || $0 == "data" })
            #expect(!mesh.output.contains("died"))
            let good = try await GitRepository(mesh.directory, files: ["README": "well"])
            let head = try await good.head()
            try await mesh.produce("code.committed", good.committed(head))
            _ = try await mesh.event("build.completed") { $0.text("commit") == head }
        } catch {
            try await mesh.stop()
            throw error
        }
        #expect(try await mesh.stop() == .exited(0))
    }

    /// The `meshbot` that holds the workspace of a build: the parent of its sandbox.
    private func process(of build: String, below directory: String) throws -> pid_t? {
        for name in try FileManager.default.contentsOfDirectory(atPath: "/proc") {
            guard pid_t(name) != nil, let line = FileManager.default.contents(atPath: "/proc/\(name)/cmdline"),
                String(decoding: line, as: UTF8.self).contains("workspaces/\(build)"),
                let status = FileManager.default.contents(atPath: "/proc/\(name)/stat").map({ String(decoding: $0, as: UTF8.self) })
            else { continue }
            let fields = status[(status.lastIndex(of: ")") ?? status.startIndex)...].split(separator: " ")
            guard fields.count > 2, let parent = pid_t(fields[2]),
                let program = FileManager.default.contents(atPath: "/proc/\(parent)/cmdline"),
                String(decoding: program, as: UTF8.self).contains("meshbot")
            else { continue }
            return parent
        }
        return nil
    }
}
