import Kafka

/// How often a run was taken up again because its process had ended while its calls were under way: a record that ends its process each time must not be
/// repeated for ever.
struct Resumes: Equatable {
    /// What the journal said when this process took the run up; nil: it began it.
    private let before: Int?
    /// What the journal says from now on.
    private(set) var count: Int

    init() { (before, count) = (nil, 0) }

    /// The run is taken up again.
    init(after entry: JournalEntry) { (before, count) = (entry.resumes, entry.resumes + 1) }

    /// Whether the end of the process would count; nil where that makes no difference to the journal.
    var isCounted: Bool? { before.map { count > $0 } }

    mutating func setCounted(_ isCounted: Bool) { if let before { count = before + (isCounted ? 1 : 0) } }
}

/// Only a process that ends in the midst of a run's calls is held against the run: not one that gives its partitions up in order, nor one that ends while the
/// run waits for a dependency.
extension Engine {
    /// The partitions go to somebody else: whoever takes their runs up again begins with the count that this process began with.
    func takeBackResumes(where isGoing: (AssignedPartition) -> Bool) {
        for job in begun.values where isGoing(job.partition) { countResume(of: job, false) }
    }

    /// Notes in the journal whether the end of the process would count against the run. Nothing waits for the note: each step's says the same.
    func countResume(of job: Job, _ isCounted: Bool) {
        // Not before its steps are settled: what the journal says has happened must be visible. Where the partition goes, it is asked for again then.
        guard job.resumes.isCounted == !isCounted, !job.isDecided, job.rejection == nil, job.unsettledSteps == 0 else { return }
        // Then the end is an orderly one.
        if isCounted, isGoing(job.partition) { return }
        job.resumes.setCounted(isCounted)
        do {
            unsettled.append(SettleItem(.own, records: [try journalRecord(job)], partition: job.partition))
        } catch {
            // It was written before: the next step is, too.
            log(.warn, "\(contract.name): the journal of run \(job.runID) cannot be written: \(error)")
        }
    }
}
