import Synchronization

/// An SMTP server on a free loopback port that keeps the messages it is given. It offers AUTH PLAIN and no TLS.
public final class TestSMTPServer: Sendable {
    public struct Message: Sendable, Equatable {
        public var sender: String
        public var recipients: [String]
        /// The argument of AUTH PLAIN, as it was sent; empty without a log-in.
        public var authentication: String
        /// Header and body, lines joined by `\n`, dots unstuffed.
        public var data: String
    }

    private final class Shared: Sendable {
        let messages = Mutex<[Message]>([])
    }

    private let shared: Shared
    private let listener: TestListener

    /// `answer` replaces the server's answer to a command (`RCPT TO:<…>`, `DATA`, `.` for the message's end …) when it gives one.
    public init(answer: @escaping @Sendable (String) -> String? = { _ in nil }) {
        let shared = Shared()
        self.shared = shared
        listener = TestListener { connection in
            func say(_ line: String) { connection.write(Array((line + "\r\n").utf8)) }
            var message = Message(sender: "", recipients: [], authentication: "", data: "")
            say("220 test ESMTP")
            while let line = connection.line() {
                if let answer = answer(line) {
                    say(answer)
                    continue
                }
                let upper = line.uppercased()
                if upper.hasPrefix("EHLO") {
                    say("250-test")
                    say("250 AUTH PLAIN")
                } else if upper.hasPrefix("AUTH PLAIN") {
                    message.authentication = String(line.dropFirst(11))
                    if message.authentication.isEmpty {
                        say("334 ")
                        message.authentication = connection.line() ?? ""
                    }
                    say("235 yes")
                } else if upper.hasPrefix("MAIL FROM:") {
                    message.sender = Self.address(line)
                    say("250 ok")
                } else if upper.hasPrefix("RCPT TO:") {
                    message.recipients.append(Self.address(line))
                    say("250 ok")
                } else if upper == "DATA" {
                    say("354 go on")
                    var lines: [String] = []
                    while let line = connection.line(), line != "." { lines.append(line.hasPrefix(".") ? String(line.dropFirst()) : line) }
                    message.data = lines.joined(separator: "\n")
                    if let answer = answer(".") {
                        say(answer)
                        continue
                    }
                    let complete = message
                    shared.messages.withLock { $0.append(complete) }
                    say("250 kept")
                } else if upper == "QUIT" {
                    say("221 bye")
                    return
                } else {
                    say("250 ok")
                }
            }
        }
    }

    public var port: Int { Int(listener.port) }
    public var messages: [Message] { shared.messages.withLock { $0 } }

    private static func address(_ line: String) -> String {
        String(line.drop { $0 != "<" }.dropFirst().prefix { $0 != ">" })
    }
}
