import Envelopes
import Glibc
import MeshTesting
import Synchronization
import Testing

@testable import Telemetry

@Suite struct LoggerTests {
    private let lines = LogLines()

    private func logger(_ format: Logger.Format = .json, level: Logger.Level = .info, secrets: [String] = []) -> Logger {
        Logger(
            bot: "BuildBot", instance: "BuildBot-2", level: level, format: format, redactor: Redactor(secrets: secrets),
            clock: { Timestamp(milliseconds: 0) }, output: lines)
    }

    @Test func jsonLinesAreJSON() throws {
        logger().with(correlationID: "run-1").info("built \"it\"\n", ["seconds": .double(1.5), "level": .string("ignored")])
        #expect(
            lines.all == [
                #"{"time":"1970-01-01T00:00:00.000Z","level":"info","bot":"BuildBot","instance":"BuildBot-2","correlation_id":"run-1","message":"built \"it\"\n","seconds":1.5}"#
                    + "\n"
            ])
    }

    @Test func textLinesStayOneLine() {
        logger(.text).with(correlationID: "run-1").warn("one\ntwo\u{1b}[31m", ["step": .string("make"), "why": .string("a b")])
        #expect(
            lines.all == [
                #"1970-01-01T00:00:00.000Z warn  BuildBot-2: one\ntwo\u{1B}[31m step=make why="a b" correlation_id=run-1"# + "\n"
            ])
    }

    @Test func theLevelHoldsForEveryCopy() {
        let first = logger(level: .warn)
        let copy = first.with(correlationID: "x")
        copy.info("not written")
        first.level = .debug
        copy.debug("written")
        #expect(lines.all.count == 1)
        #expect(copy.level == .debug)
    }

    @Test func secretsAreTakenOut() {
        let logger = logger(secrets: ["hunter2hunter2", "hunter2"])
        logger.error(
            "login with hunter2hunter2 failed",
            ["api_token": .string("abc"), "url": .string("https://x:hunter2@y"), "nested": .object(["Password": .integer(1)])])
        #expect(!lines.all[0].contains("hunter2"))
        #expect(!lines.all[0].contains("abc"))
        #expect(lines.all[0].contains(#""nested":{"Password":"***"}"#))
    }

    @Test func secretsOfTheEnvironmentAreKnown() {
        let redactor = Redactor(environment: ["KAFKA_SASL_PASSWORD": "hunter2", "HOME": "/home/ada", "SLACK_TOKEN": "abc"])
        #expect(redactor.redact("hunter2 lives in /home/ada, abc") == "*** lives in /home/ada, abc")
    }

    @Test func linesAreBoundedAndStayJSON() throws {
        let long = String(repeating: "\u{1}é", count: 100_000)
        logger().info(long, ["field": .string(long)])
        logger().info("short", ["field": .string(long)])
        for line in lines.all {
            #expect(line.utf8.count <= Logger.maximumLineBytes)
            #expect(try JSONValue.parse(line)["truncated"] == .bool(true))
        }
        #expect(try JSONValue.parse(lines.all[1])["message"] == .string("short"))
    }

    @Test func noMessageBreaksTheForm() throws {
        var generator = SeededGenerator(seed: 31)
        for _ in 0..<500 {
            let text = String(
                String.UnicodeScalarView(
                    (0..<Int.random(in: 0...40, using: &generator)).compactMap { _ in
                        Unicode.Scalar(UInt32.random(in: 0...0x3ff, using: &generator))
                    }))
            logger().info(text, ["k": .string(text)])
            logger(.text).info(text, ["k": .string(text)])
        }
        for (index, line) in lines.all.enumerated() {
            #expect(line.utf8.filter { $0 == UInt8(ascii: "\n") }.count == 1)
            if index % 2 == 0 { _ = try JSONValue.parse(line) }
        }
    }

    @Test func aDescriptorGetsWholeLines() async throws {
        var ends: [Int32] = [0, 0]
        #expect(pipe(&ends) == 0)
        let (reading, writing) = (ends[0], ends[1])
        let output = DescriptorOutput(writing)
        let logger = Logger(bot: "B", clock: { Timestamp(milliseconds: 0) }, output: output)
        // 4 writers, 25 lines each: less than a pipe holds, so nobody has to read at the same time.
        await withTaskGroup(of: Void.self) { group in
            for writer in 0..<4 {
                group.addTask { for line in 0..<25 { logger.info("writer \(writer) line \(line) \(String(repeating: "x", count: 200))") } }
            }
        }
        close(writing)
        var text: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = read(reading, &chunk, chunk.count)
            guard count > 0 else { break }
            text += chunk[..<count]
        }
        close(reading)
        let read = text.split(separator: UInt8(ascii: "\n"))
        #expect(read.count == 100)
        for line in read { _ = try JSONValue.parse(Array(line)) }
    }
}
