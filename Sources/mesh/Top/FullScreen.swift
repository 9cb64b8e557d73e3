import Glibc
import Synchronization
import Terminal

/// The terminal as a full screen: raw keys, the alternate screen, no cursor. Whatever ends the process, the terminal is as it was before; only SIGKILL,
/// which nobody can catch, leaves it.
final class FullScreen {
    /// What the handler of a crash needs; it may use nothing that allocates.
    private struct Saved {
        var settings = termios()
        var isRaw = false
    }
    /// Only the main thread uses it, and the handler of a crash, after which nobody does.
    nonisolated(unsafe) private static var saved = Saved()
    private static let enterText = "\u{1b}[?1049h\u{1b}[?25l\u{1b}[2J"
    private static let leaveText: StaticString = "\u{1b}[0m\u{1b}[?25h\u{1b}[?1049l"
    private var shown: [String] = []

    /// Throws where standard input and output are no terminal.
    init() throws(CommandFailure) {
        guard isatty(STDIN_FILENO) == 1, isatty(STDOUT_FILENO) == 1, tcgetattr(STDIN_FILENO, &Self.saved.settings) == 0 else {
            throw CommandFailure("mesh top needs a terminal. For scripts there are: mesh ps, mesh lag, each with --format json")
        }
        for number in [SIGSEGV, SIGBUS, SIGILL, SIGTRAP, SIGFPE, SIGABRT] {
            signal(number) { number in
                FullScreen.restore()
                signal(number, SIG_DFL)
                raise(number)
            }
        }
    }

    func enter() {
        var raw = Self.saved.settings
        cfmakeraw(&raw)
        tcsetattr(STDIN_FILENO, TCSAFLUSH, &raw)
        Self.saved.isRaw = true
        shown = []
        Terminal.write(Self.enterText, to: STDOUT_FILENO)
    }

    func leave() { Self.restore() }

    /// Async-signal-safe.
    private static func restore() {
        guard saved.isRaw else { return }
        saved.isRaw = false
        _ = Glibc.write(STDOUT_FILENO, leaveText.utf8Start, leaveText.utf8CodeUnitCount)
        tcsetattr(STDIN_FILENO, TCSAFLUSH, &saved.settings)
    }

    /// Columns and rows; 80 by 24 where the terminal does not tell.
    var size: (columns: Int, rows: Int) {
        var window = winsize()
        guard ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &window) == 0, window.ws_col > 0, window.ws_row > 0 else { return (80, 24) }
        return (Int(window.ws_col), Int(window.ws_row))
    }

    /// Writes the lines that have changed, in one go, so that nothing flickers.
    func show(_ lines: [String]) {
        var text = ""
        for (row, line) in lines.enumerated() where row >= shown.count || shown[row] != line {
            text += "\u{1b}[\(row + 1);1H\(line)\u{1b}[0m\u{1b}[K"
        }
        if lines.count < shown.count { text += "\u{1b}[\(lines.count + 1);1H\u{1b}[J" }
        shown = lines
        if !text.isEmpty { Terminal.write(text, to: STDOUT_FILENO) }
    }

    /// The next `show` writes everything.
    func forget() {
        shown = []
        Terminal.write("\u{1b}[2J", to: STDOUT_FILENO)
    }
}
