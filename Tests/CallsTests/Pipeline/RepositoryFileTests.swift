import BotKit
import MeshTesting
import Testing

@testable import Calls

@Suite("A repository's own file") struct RepositoryFileTests {
    private let good = """
        # How this repository is built and tested.
        build:
          - name: compile
            command: make all && ./check
            timeout: 30.5
            environment: { LEVEL: 3, NAME: "a b" }
          - command: make more
            directory: sub/dir
            network: true
        artifact:
          paths: [dist, bin/tool]
          exclude: "dist/*.o"
          format: tar.gz
        test:
          - suite: unit
            command: make test
            junit: reports/junit.xml
            coverage: reports/coverage.lcov
            coverage_threshold: 72.5
          - name: browser
            suite: e2e
            command: make e2e
            rerun_failed: false
            rerun_command: ./rerun "$@"
        security: { whatever: [1, 2] }
        """

    @Test("Steps, suites and the artifact")
    func reads() throws {
        let file = try RepositoryFile(good)
        let build = try #require(file.build)
        #expect(build.map(\.name) == ["compile", "step-2"])
        #expect(
            build[0].command
                == StepCommand(.shell("make all && ./check"), environment: ["LEVEL": "3", "NAME": "a b"], timeLimit: .milliseconds(30500)))
        #expect(build[1].command.directory == "sub/dir" && build[1].command.needsNetwork)
        #expect(file.artifact == PackSettings(paths: ["dist", "bin/tool"], excluding: ["dist/*.o"], format: "tar.gz"))
        let test = try #require(file.test)
        #expect(test.map(\.name) == ["unit", "browser"])
        #expect(test[0].suite.coverageThreshold == 72.5 && test[0].suite.rerunsFailed && test[0].suite.junit == "reports/junit.xml")
        #expect(test[1].suite.kind == .e2e && !test[1].suite.rerunsFailed && test[1].suite.rerunCommand == "./rerun \"$@\"")
    }

    @Test("No section, an empty one, and an empty file are three different things")
    func empty() throws {
        #expect(try RepositoryFile("") == RepositoryFile("security: {}"))
        #expect(try RepositoryFile("build: []").build == [])
        #expect(try RepositoryFile("build:").build == [])
        #expect(try RepositoryFile("test: []").build == nil)
    }

    @Test("All mistakes at once, each with its place")
    func mistakes() {
        let bad = """
            build:
              - nam: compile
                comand: make
              - name: a
                command: make
                timeout: -1
                directory: ../up
              - name: a
                command: [make]
            test:
              - command: x
                suite: smoke
                coverage_threshold: 101
                junit: /etc/passwd
            artifact: { paths: ["/etc"], format: zip }
            """
        do {
            _ = try RepositoryFile(bad)
            Issue.record("it was taken")
        } catch {
            let all = error.description
            for expected in [
                ":2:5: 'nam' is not known here, did you mean 'name'", ":3:5: 'comand' is not known here, did you mean 'command'",
                "command is missing",
                ":6:14: timeout", ":7:16: directory", ":8:11: the name 'a' is there twice", ":9:14: command: expected a text",
                ":12:12: suite: expected",
                ":13:25: coverage_threshold", ":14:12: junit", "paths: expected", "format: expected",
            ] { #expect(all.contains(expected), "\(expected) in \(error.list)") }
        }
        for text in ["- a", "hello", "build: {a: b}", "build: [1]", "a: [", "build: [{command: ''}]"] {
            #expect(throws: RepositoryFile.Mistakes.self, "\(text)") { try RepositoryFile(text) }
        }
    }

    @Test("Spoilt files never trap")
    func fuzz() {
        var random = SeededGenerator(seed: 3)
        for _ in 0..<3000 {
            var bytes = Array(good.utf8)
            spoil(&bytes, &random)
            do {
                _ = try RepositoryFile(String(decoding: bytes, as: UTF8.self))
            } catch {
                #expect(!error.list.isEmpty)
            }
        }
    }
}
