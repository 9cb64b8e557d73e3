import Glibc
import Testing

@testable import Terminal

/// What a real terminal gets.
@Suite struct TerminalOutputTests {
    /// Both ends of a terminal: what is written to `inner` is read from `outer`.
    private final class PseudoTerminal {
        let outer: Int32
        let inner: Int32

        init(columns: UInt16) throws {
            outer = open("/dev/ptmx", O_RDWR | O_NOCTTY)
            // TIOCSPTLCK and TIOCGPTN of Linux: what unlockpt and ptsname do, which Swift does not see.
            var (isLocked, number): (Int32, UInt32) = (0, 0)
            try #require(outer >= 0 && ioctl(outer, 0x4004_5431, &isLocked) == 0 && ioctl(outer, 0x8004_5430, &number) == 0)
            inner = open("/dev/pts/\(number)", O_RDWR | O_NOCTTY)
            try #require(inner >= 0)
            var size = winsize(ws_row: 24, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0)
            try #require(ioctl(inner, UInt(TIOCSWINSZ), &size) == 0)
        }

        deinit {
            close(inner)
            close(outer)
        }

        /// What has been written; waits up to `milliseconds` for the first byte, and then a while for more: the kernel hands it over in pieces.
        func text(milliseconds: Int32 = 0) -> String {
            var bytes: [UInt8] = []
            var buffer = [UInt8](repeating: 0, count: 4096)
            var poller = pollfd(fd: outer, events: Int16(POLLIN), revents: 0)
            while poll(&poller, 1, bytes.isEmpty ? milliseconds : min(milliseconds, 500)) > 0 {
                let count = read(outer, &buffer, buffer.count)
                guard count > 0 else { break }
                bytes += buffer.prefix(count)
            }
            return String(decoding: bytes, as: UTF8.self).replacing("\r\n", with: "\n")
        }
    }

    @Test func tablesAreCutAndColouredUnlessNoColorForbidsIt() throws {
        let terminal = try PseudoTerminal(columns: 24)
        func print(_ format: OutputFormat, _ environment: [String: String]) -> String {
            let output = Output(format: format, descriptor: terminal.inner, environment: environment)
            output.table(["ID", Column("TEXT", mayShrink: true)], [["1", output.style(.red, "a text that is too long for it")]])
            return terminal.text(milliseconds: 5000)
        }
        let cut = "\u{1b}[31ma text that is too …\u{1b}[0m"
        #expect(print(.text, ["TERM": "xterm"]) == "\u{1b}[1mID  TEXT\u{1b}[0m\n1   \(cut)\n")
        #expect(print(.text, ["TERM": "xterm", "NO_COLOR": "1"]) == "ID  TEXT\n1   a text that is too …\n")
        #expect(print(.json, ["TERM": "xterm"]).hasPrefix("ID  TEXT\n"))
        #expect(print(.text, ["TERM": "dumb"]).hasPrefix("ID  TEXT\n"))
    }

    @Test func progressIsShownAfterASecondAndTakenAway() throws {
        let terminal = try PseudoTerminal(columns: 80)
        let begin = ContinuousClock.now
        let bar = ProgressBar("replay", total: 1000, descriptor: terminal.inner, environment: ["TERM": "xterm"])
        bar.advance(to: 1)
        #expect(terminal.text().isEmpty || ContinuousClock.now - begin >= .seconds(1), "nothing in the first second")
        let deadline = ContinuousClock.now.advanced(by: .seconds(30))
        var shown = ""
        while shown.isEmpty, ContinuousClock.now < deadline {
            bar.advance(to: 500)
            shown = terminal.text(milliseconds: 50)
        }
        #expect(shown.hasPrefix("\r\u{1b}[Kreplay  [##########..........] 50%  500 of 1,000  "))
        bar.end()
        #expect(terminal.text(milliseconds: 5000) == "\r\u{1b}[K")
        bar.end()
        bar.advance(to: 1000)
        #expect(terminal.text().isEmpty)
    }
}
