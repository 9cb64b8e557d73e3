import Envelopes
import Glibc
import MeshTesting
import Testing

@testable import Terminal

@Suite struct TableTests {
    static let plain = Style(isColoured: false)

    @Test func columnsAreAlignedUnderTheirHeader() {
        let table = Table(
            columns: ["TOPIC", Column("LAG", .right), "STATE"], rows: [["build.completed", "7", "running"], ["a", "12,345", ""]])
        #expect(
            table.text(style: Self.plain, width: nil) == """
                TOPIC               LAG  STATE
                build.completed       7  running
                a                12,345

                """)
    }

    @Test func onlyColumnsThatMayShrinkAreCutToTheTerminal() {
        let table = Table(
            columns: ["ID", Column("TEXT", mayShrink: true)], rows: [["0123456789", "a text that is longer than the terminal is wide"]])
        let lines = table.text(style: Self.plain, width: 30).split(separator: "\n")
        #expect(lines == ["ID          TEXT", "0123456789  a text that is lo…"])
        #expect(lines[1].count == 30)
        let rigid = Table(columns: ["ID"], rows: [["0123456789012345678901234567890"]])
        #expect(rigid.text(style: Self.plain, width: nil).contains("0123456789012345678901234567890\n"))
        #expect(rigid.text(style: Self.plain, width: 20).contains("0123456789012345678…\n"))
    }

    @Test func coloursTakeNoRoomAndSurviveACut() {
        let red = Style(isColoured: true)(.red, "stalled")
        #expect(red.columns == 7)
        #expect(red.cut(to: 4) == "\u{1b}[31msta…\u{1b}[0m")
        let table = Table(columns: ["STATE", "BOT"], rows: [[red, "A"], ["ok", "B"]])
        #expect(table.text(style: Self.plain, width: nil).hasSuffix("\u{1b}[31mstalled\u{1b}[0m  A\nok       B\n"))
    }

    @Test func wideCharactersTakeTwoColumns() {
        #expect("漢字".columns == 4)
        #expect("漢字漢字".cut(to: 5) == "漢字…")
        #expect("é🚀".columns == 3)
        #expect("abc".cut(to: 0) == "")
    }

    @Test func recordsCannotDriveTheTerminal() {
        #expect("a\u{1b}[2Jb\r\n\tc\u{7}\u{9b}\u{202e}".printable == #"a\u{1b}[2Jb\r\n\tc\u{7}\u{9b}\u{202e}"#)
        #expect("plain é 漢".printable == "plain é 漢")
    }

    @Test func fewerCellsThanColumnsAreEmptyCells() {
        #expect(Table(columns: ["A", "B"], rows: [["1"], ["1", "2", "3"]]).text(style: Self.plain, width: 10) == "A  B\n1\n1  2\n")
        #expect(Table(columns: [], rows: []).text(style: Self.plain, width: 10) == "\n")
    }
}

@Suite struct OutputTests {
    /// What is written to the pipe that `body` gets.
    private func captured(_ body: (Int32) -> Void) throws -> String {
        var ends: [Int32] = [0, 0]
        try #require(pipe(&ends) == 0)
        body(ends[1])
        close(ends[1])
        var bytes = [UInt8](repeating: 0, count: 4096)
        let count = read(ends[0], &bytes, bytes.count)
        close(ends[0])
        return String(decoding: bytes.prefix(max(0, count)), as: UTF8.self)
    }

    @Test func aPipeGetsNeitherColoursNorCuts() throws {
        let text = try captured { descriptor in
            let output = Output(format: .text, descriptor: descriptor, environment: ["COLUMNS": "20"])
            #expect(output.width == nil)
            output.table([Column("A", mayShrink: true)], [[String(repeating: "x", count: 40)]])
            output.line(output.style(.red, "end"))
        }
        #expect(text == "A\n\(String(repeating: "x", count: 40))\nend\n")
    }

    @Test func aProgressBarIsSilentWhereThereIsNoTerminal() throws {
        let text = try captured { descriptor in
            let bar = ProgressBar("replay", total: 10, descriptor: descriptor, environment: [:])
            bar.advance(to: 5)
            bar.end()
        }
        #expect(text.isEmpty)
    }

    @Test(arguments: [
        (50, 100, 10.0, 100, "redrive  [##########..........] 50%  50 of 100  5.0/s  10 s left"),
        (100, 100, 10.0, 100, "redrive  [####################] 100%  100 of 100  10/s"),
        (0, 0, 2.0, 100, "redrive  [####################] 100%  0 of 0  0/s"),
        (12_345, nil, 1.0, 100, "redrive  12,345  12,345/s"),
        (50, 100, 10.0, 20, "redrive  [########…"),
    ]) func progressTellsRateAndTimeLeft(done: Int, total: Int?, seconds: Double, width: Int, expected: String) {
        let text = ProgressText(label: "redrive", done: done, total: total, elapsed: .seconds(seconds)).text(width: width)
        #expect(text == expected)
        #expect(text.columns < width)
    }
}

@Suite struct HumanTextTests {
    @Test func figures() {
        #expect([0, 999, 1000, 1_234_567, -12_345].map { HumanText.count($0) } == ["0", "999", "1,000", "1,234,567", "-12,345"])
        #expect(HumanText.count(Int64.min) == "-9,223,372,036,854,775,808")
        #expect([0, 1023, 1536, 24_536_678].map { HumanText.bytes($0) } == ["0 B", "1023 B", "1.50 KiB", "23.4 MiB"])
        #expect([0, 0.26, 12.4, 12_345.6, .infinity].map { HumanText.rate($0) } == ["0", "0.3", "12", "12,346", "?"])
        #expect(HumanText.fixed(-0.04, decimals: 1) == "0.0")
        #expect(HumanText.fixed(3.14159, decimals: 2) == "3.14")
    }

    @Test(arguments: [
        (0, "0 s"), (350, "350 ms"), (4_230, "4.2 s"), (5_000, "5 s"), (59_000, "59 s"), (200_000, "3 m 20 s"), (7_500_000, "2 h 5 m"),
        (273_600_000, "3 d 4 h"), (-3_600_000, "-1 h"),
    ]) func durations(milliseconds: Int, text: String) {
        #expect(HumanText.duration(.milliseconds(milliseconds)) == text)
    }
}
