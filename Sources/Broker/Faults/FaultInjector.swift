import KafkaProtocol

/// What a test wants to go wrong. On the broker's thread.
public final class FaultInjector {
    public struct Fault: Sendable, Equatable {
        public enum Kind: Sendable, Equatable {
            /// The request is handled so many milliseconds later.
            case delay(Int64)
            /// The request is not handled, and answered with this error.
            case fail(ErrorCode)
            /// The connection ends without the request being handled.
            case drop
        }

        public var kind: Kind
        /// nil means every API.
        public var api: APIKey?
        /// Requests of clients whose id begins so.
        public var clientPrefix: String
        /// How many requests it hits; nil means all until `clear`.
        public var count: Int?

        public init(_ kind: Kind, api: APIKey?, clientPrefix: String = "", count: Int? = nil) {
            self.kind = kind
            self.api = api
            self.clientPrefix = clientPrefix
            self.count = count
        }
    }

    private var faults: [Fault] = []
    private let scheduler: any Scheduler

    public init(scheduler: any Scheduler) { self.scheduler = scheduler }

    public func add(_ fault: Fault) { faults.append(fault) }
    public func clear() { faults = [] }

    /// The fault for this request; counted as used.
    func fault(_ api: APIKey, clientID: String) -> Fault.Kind? {
        let isMeant = { (fault: Fault) in (fault.api ?? api) == api && clientID.hasPrefix(fault.clientPrefix) }
        guard let index = faults.firstIndex(where: isMeant) else { return nil }
        let kind = faults[index].kind
        if let count = faults[index].count {
            faults[index].count = count - 1
            if count <= 1 { faults.remove(at: index) }
        }
        return kind
    }

    func inflict(
        _ fault: Fault.Kind, _ api: APIKey, _ header: RequestHeader, _ reader: MessageReader,
        _ done: @escaping (RequestProcessor.Answer) -> Void,
        proceed: @escaping () -> Void
    ) throws {
        switch fault {
        case .delay(let milliseconds): scheduler.schedule(after: milliseconds, proceed)
        case .drop: done(.close)
        case .fail(let code):
            guard let failure = FailableAPI.all[api] else { return done(.close) }
            done(try failure(header, reader, code).map { .send($0) } ?? .close)
        }
    }
}
