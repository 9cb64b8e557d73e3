import BotKit
import Envelopes

/// How the calls of one bot ended, as far as the audit tells: by idempotency key, the newest within a bound of bytes.
struct RecordedResults {
    private struct Entry {
        var at: String
        var outcome: String
        var code: String?
        var result: [UInt8]?
        var bytes: Int { 200 + (result?.count ?? 0) }
    }

    private let bot: String
    private let maximumBytes: Int
    private var entries: [String: Entry] = [:]
    /// The keys of `entries`, the oldest first.
    private(set) var order = Fifo<String>()
    private var bytes = 0

    init(bot: String, maximumBytes: Int = 32 << 20) {
        self.bot = bot
        self.maximumBytes = maximumBytes
    }

    /// Takes a record of `mesh.audit`. Of several ends of one call a success counts, else the latest.
    mutating func take(_ value: [UInt8]) {
        guard let record = try? JSONCoder.decode(AuditRecord.self, from: value), record.action == "call.finished",
            record.actor.hasPrefix("\(bot)-"), let key = record.idempotencyKey, let outcome = record.outcome
        else { return }
        let entry = Entry(at: record.at, outcome: outcome, code: record.code, result: record.result?.bytes)
        if let known = entries[key] {
            if known.outcome == "success", outcome != "success" { return }
            if (known.outcome == "success") == (outcome == "success"), known.at > entry.at { return }
            bytes -= known.bytes
        } else {
            order.append(key)
        }
        bytes += entry.bytes
        entries[key] = entry
        while bytes > maximumBytes, let oldest = order.popFirst() {
            if let dropped = entries.removeValue(forKey: oldest) { bytes -= dropped.bytes }
        }
    }

    /// What a repeat of the call is answered with; nil where nothing usable is recorded.
    func outcome(of request: any CallRequest, key: String) -> CallOutcome? {
        guard let entry = entries[key] else { return nil }
        guard entry.outcome == "success" else {
            if let result = entry.result, let failure = try? JSONCoder.decode(CallFailure.self, from: result) { return .failure(failure) }
            guard let kind = CallFailure.Kind(rawValue: entry.outcome) else { return nil }
            return .failure(CallFailure(kind, code: entry.code ?? entry.outcome, message: "the original call ended so"))
        }
        guard let result = entry.result else { return nil }
        func response<Request: CallRequest>(to _: Request) -> CallOutcome? {
            (try? JSONCoder.decode(Request.Response.self, from: result)).map { .success($0) }
        }
        return response(to: request)
    }
}

extension CallOutcome {
    /// The largest result that the audit keeps, in bytes of JSON.
    static let maximumRecordedBytes = 64 << 10

    /// What the audit keeps of the outcome: the response or the failure. nil where the kind's results are not kept; of any other that cannot be kept `problem` says
    /// why.
    func audited(_ request: any CallRequest) -> (result: JSONValue?, problem: String?) {
        guard type(of: request).isResultRecorded else { return (nil, nil) }
        do {
            let bytes =
                switch self {
                case .success(let response): try JSONCoder.bytes(response)
                case .failure(let failure): try JSONCoder.bytes(failure)
                }
            guard bytes.count <= Self.maximumRecordedBytes else {
                return (nil, "it has \(bytes.count) bytes, the largest that is kept has \(Self.maximumRecordedBytes)")
            }
            let result = try JSONValue.parse(bytes)
            // In the audit's record it lies one level deeper.
            _ = try JSONValue.parse(JSONValue.array([result]).bytes)
            return (result, nil)
        } catch {
            return (nil, "\(error)")
        }
    }
}
