import Glibc
import Kafka
import Synchronization

/// Signals and news as bytes of a pipe, so that one `poll` waits for them and for keys.
final class TopSignals: Sendable {
    enum News: UInt8, Sendable {
        case figures = 1
        case resized, end, suspend
    }
    private let reading: Int32
    private let writing: Int32
    /// While another program has the terminal, its interruptions are its own.
    let isAway = Atomic(false)

    private static var waitedFor: sigset_t {
        var set = sigset_t()
        sigemptyset(&set)
        for number in [SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP, SIGWINCH] { sigaddset(&set, number) }
        return set
    }

    /// Call it before any thread is started: all of them must inherit the mask.
    init() throws(CommandFailure) {
        var ends: [Int32] = [-1, -1]
        guard pipe(&ends) == 0 else { throw CommandFailure("cannot make a pipe: \(String(cString: strerror(errno)))") }
        (reading, writing) = (ends[0], ends[1])
        for end in ends {
            _ = fcntl(end, F_SETFD, FD_CLOEXEC)
            _ = fcntl(end, F_SETFL, O_NONBLOCK)
        }
        var set = Self.waitedFor
        pthread_sigmask(SIG_BLOCK, &set, nil)
        signal(SIGPIPE, SIG_IGN)
        DedicatedThread.start(name: "signals") { [self] in
            var set = Self.waitedFor
            while true {
                var number: Int32 = 0
                if sigwait(&set, &number) == 0 { take(number) }
            }
        }
    }

    private func take(_ number: Int32) {
        let isAway = isAway.load(ordering: .relaxed)
        switch number {
        case SIGWINCH: post(.resized)
        case SIGTSTP: if !isAway { post(.suspend) }
        case SIGINT, SIGQUIT: if !isAway { post(.end) }
        default: post(.end)
        }
    }

    /// A full pipe holds news enough.
    func post(_ news: News) {
        var byte = news.rawValue
        _ = write(writing, &byte, 1)
    }

    /// Waits for keys and news; gives the bytes of keys, and what else there was. The end of standard input is an end.
    func wait(milliseconds: Int32) -> (keys: [UInt8], news: Set<News>) {
        var ends = [
            pollfd(fd: STDIN_FILENO, events: Int16(POLLIN), revents: 0), pollfd(fd: reading, events: Int16(POLLIN), revents: 0),
        ]
        guard poll(&ends, 2, milliseconds) > 0 else { return ([], []) }
        var news: Set<News> = []
        if ends[1].revents != 0 { news.formUnion(Self.read(reading).compactMap(News.init)) }
        guard ends[0].revents != 0 else { return ([], news) }
        let keys = Self.read(STDIN_FILENO)
        if keys.isEmpty { news.insert(.end) }
        return (keys, news)
    }

    private static func read(_ descriptor: Int32) -> [UInt8] {
        var buffer = [UInt8](repeating: 0, count: 256)
        let count = Glibc.read(descriptor, &buffer, buffer.count)
        return count > 0 ? Array(buffer.prefix(count)) : []
    }
}
