import Glibc
import Terminal

/// A line on a terminal that says what is waited for, until there is something to show in its place. Nothing anywhere else.
final class WaitingLine {
    private let isShown: Bool
    private let style: Style
    private var isThere = false

    init(_ output: Output) {
        isShown = output.format == .text && output.width != nil
        style = output.style
    }

    /// Takes the place of what it said before.
    func show(_ text: String) {
        guard isShown else { return }
        Terminal.write("\r\u{1b}[K" + style(.grey, text), to: STDOUT_FILENO)
        isThere = true
    }

    func clear() {
        if isThere { Terminal.write("\r\u{1b}[K", to: STDOUT_FILENO) }
        isThere = false
    }
}
