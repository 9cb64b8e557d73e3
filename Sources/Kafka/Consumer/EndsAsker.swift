import CRdKafka
import Synchronization

/// Asks the leaders of partitions where these end, on a thread of its own. What fetches tell of a partition's end is as old as the last fetch, and it is where the
/// last transaction ends that was begun there, decided or not.
final class EndsAsker: Sendable {
    private let handle: ClientHandle
    private let question = Question()
    private let answer = Mutex<[TopicPartition: Int64]?>(nil)

    private static let patience: Duration = .seconds(2)

    init(_ handle: ClientHandle) { self.handle = handle }

    /// Does not block, and does nothing while the last question is not answered.
    func ask(_ partitions: [TopicPartition]) {
        guard !partitions.isEmpty else { return }
        question.ask(thread: "kafka-ends") { [self] in
            do throws(KafkaError) {
                let ends = try queryEnds(handle.pointer, partitions, Int64(RD_KAFKA_OFFSET_END), Self.patience)
                answer.withLock { $0 = ends }
            } catch {
                // A broker that is away: the next question will be answered.
            }
        }
    }

    /// The answer to the last question, once; nil: there is none yet.
    func takeAnswer() -> [TopicPartition: Int64]? {
        answer.withLock { answer in
            defer { answer = nil }
            return answer
        }
    }

    /// See `Question.close`.
    func close(limit: Duration) -> Bool { question.close(limit: limit) }
}
