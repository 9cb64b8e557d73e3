import BrokerStorage
import KafkaProtocol

/// Why a broker does not start, and what to do.
public struct BrokerStartError: Error, Sendable, Equatable, CustomStringConvertible {
    public let description: String

    init(_ description: String) { self.description = description }
}

/// What the operator should hear.
public struct BrokerNotice: Sendable, Equatable {
    public enum Level: Sendable, Equatable { case info, warning, error }

    public let level: Level
    public let text: String

    init(_ level: Level, _ text: String) {
        self.level = level
        self.text = text
    }

    init(_ notice: StorageNotice) {
        let level: Level =
            switch notice {
            case .rebuilt, .spaceAgain: .info
            case .cut, .troubled: .warning
            case .damaged, .failed, .full, .orphaned, .uncleaned: .error
            }
        self.init(level, notice.description)
    }

    init(_ notice: TransactionNotice) {
        switch notice {
        case .timedOut(let id): self.init(.warning, "the transaction of \(id) took longer than its producer allowed, and was aborted")
        case .delayed(let id, let error): self.init(.error, "the transaction of \(id) cannot be written on (\(error)); it is tried again")
        case .recovered(let ongoing, let prepared):
            self.init(.info, "transactions found open: \(ongoing) go on, \(prepared) are being completed")
        case .orphan(let partition, let id):
            self.init(.warning, "\(partition): aborted the transaction of producer \(id), which nobody knows")
        case .unreadable(let offset, let reason): self.init(.error, "\(TopicName.transactionState)-0@\(offset): \(reason)")
        }
    }

    /// Of a refused login; who it said it was is not told, since people type passwords in the wrong place.
    init(refusedLogin session: Session, _ reason: String) { self.init(.warning, "refused a login from \(session.host): \(reason)") }

    init(_ notice: ServerNotice) {
        switch notice {
        case .badFrame(let session, let reason): self.init(.warning, "closed the connection of \(session.host): \(reason)")
        case .cannotAccept(let error): self.init(.error, "\(error); connections wait until others have gone")
        case .tooManyConnections(let session, let limit):
            self.init(.warning, "closed the connection of \(session.host): there are \(limit) already (max.connections)")
        }
    }
}
