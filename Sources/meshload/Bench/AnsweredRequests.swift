import Kafka

/// Which requests of a run have a result, by the sequence numbers that results pass through: one that is lost and one that is repeated do not cancel out.
struct AnsweredRequests {
    /// How many results there are.
    private(set) var results = 0
    private var isAnswered: [Bool]
    private var repeated = 0
    private var strange = 0

    /// Requests are numbered from 0.
    init(of requests: Int) { isAnswered = [Bool](repeating: false, count: requests) }

    mutating func note(_ result: Record) {
        results += 1
        guard let number = RequestWriter.sequence(in: result.value), isAnswered.indices.contains(number) else {
            strange += 1
            return
        }
        if isAnswered[number] { repeated += 1 } else { isAnswered[number] = true }
    }

    /// What is wrong; nil when each request has one result and there is no other.
    var fault: String? {
        let counts = [
            (isAnswered.count { !$0 }, "requests without a result"), (repeated, "results more than once"),
            (strange, "results that belong to no request"),
        ]
        let wrong = counts.filter { $0.0 > 0 }.map { "\($1): \($0)" }
        return wrong.isEmpty ? nil : wrong.joined(separator: ", ")
    }
}
