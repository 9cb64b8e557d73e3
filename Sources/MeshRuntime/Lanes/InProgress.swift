/// The jobs that are being handled: one of each identity. Others of it wait behind that one (`Job.twins`).
struct InProgress {
    private var index = IdentityIndex()
    /// By place.
    private var jobs: [Job?] = []
    private var emptied: [Int] = []

    var isEmpty: Bool { jobs.count == emptied.count }

    subscript(identity: Identity) -> Job? { index.place(of: identity).flatMap { jobs[$0] } }

    /// There must be none of its identity.
    mutating func insert(_ job: Job) {
        let place = emptied.popLast() ?? jobs.count
        index.insert(job.identity, at: place)
        if place == jobs.count { jobs.append(job) } else { jobs[place] = job }
        job.placeInProgress = place
    }

    /// Takes out those that wait behind another and satisfy `predicate`.
    func removeTwins(where predicate: (Job) -> Bool) -> [Job] {
        var removed: [Job] = []
        for case let job? in jobs where job.twins.contains(where: predicate) {
            removed += job.twins.filter(predicate)
            job.twins.removeAll(where: predicate)
        }
        return removed
    }

    /// Nothing happens where the job is none of them. Whoever waited behind it: they wait no more.
    mutating func remove(_ job: Job) -> [Job] {
        guard let place = job.placeInProgress else { return [] }
        job.placeInProgress = nil
        index.remove(at: place)
        jobs[place] = nil
        emptied.append(place)
        guard !job.twins.isEmpty else { return [] }
        defer { job.twins = [] }
        return job.twins
    }
}
