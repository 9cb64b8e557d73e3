import MeshRuntime

/// What the checker found in one run.
struct ChaosVerdict {
    /// Counts for people and programs, in order.
    private(set) var counts: [(String, any CustomStringConvertible)] = []
    /// What must not be, in words; empty when the run passed.
    private(set) var faults: [String] = []
    var isRight: Bool { faults.isEmpty }
    /// Whether something is missing that an open transaction may still hide.
    private(set) var isIncomplete = false

    /// What was read of a group's topics, and seen of its commits.
    struct Reading {
        let topics: ChaosTopics
        let ledger: ChaosLedger
        let samples: [OffsetWatch.Sample]
        /// All that the group committed; empty where it cannot be read.
        let log: CommitLog
    }

    /// What a run is judged by.
    struct Evidence {
        let plan: ChaosPlan
        let sent: [LoadStream.Sent]
        let group: Reading
        /// That of the bot that reads the results, whose requests they are; nil where there is none.
        var downstream: Reading?
        /// When nothing was amiss, in seconds of the monotonic clock.
        let calm: [Range<Double>]
        /// How long a partition with lag may stand still then, in seconds.
        let stallLimit: Double
        /// The most memory that each bot had, in megabytes.
        var peaks: [Int: Double] = [:]
        /// Whether a process ended by itself.
        var hasRestarts = false
        /// The partitions that a bot gave up before all was settled, because the time for that was over.
        var hastilyGivenUp: Set<String> = []
        /// How many records bots wrote again at-least-once, since the broker had not answered for them in time.
        var writtenAgain = 0
        /// What went wrong beside the topics.
        let troubles: [String]

        /// Whether a bot may have written retries again that wait: where so much is finished above them that a commit can hardly say it.
        var mayCarryOn: Bool {
            let retry = group.topics.retry
            let seen = group.samples.lazy.flatMap { $0.committed }.filter { $0.key.topic == retry }.map { $0.value.metadata }
            let logged = group.log.commits.lazy.filter { $0.key.topic == retry }.flatMap { $0.value }.compactMap { $0?.metadata }
            // It looks at what it would commit; what it commits then may be less.
            func isLong(_ metadata: String) -> Bool { metadata.utf8.count > Limits().carryOnBytes / 2 }
            return seen.contains(where: isLong) || logged.contains(where: isLong)
        }

        /// Whether anything may have cut a process off between a result and its commit.
        var mayRepeat: Bool { hasRestarts || plan.steps.contains { $0.fault.mayRepeat } }
    }

    init(_ evidence: Evidence) {
        judgeRequests(evidence)
        judgeGroup(evidence)
        if let downstream = evidence.downstream { judge(downstream, evidence) }
        judgeMemory(evidence)
        faults += evidence.troubles
    }

    private mutating func judgeRequests(_ evidence: Evidence) {
        let ledger = evidence.group.ledger
        let requests = ledger.requests
        let outcomes = Outcomes(of: requests, poison: Set(evidence.sent.lazy.filter(\.isPoison).map(\.id)))
        let (lost, repeats) = (outcomes.lost, outcomes.repeats)
        let acknowledged = evidence.sent.count(where: \.isAcknowledged)
        let vanished = evidence.sent.count { $0.isAcknowledged && requests[$0.id] == nil }
        isIncomplete = !lost.isEmpty || outcomes.pending > 0
        counts += [
            ("requests", requests.count), ("acknowledged", acknowledged), ("done", outcomes.done), ("dead", outcomes.dead),
            ("pending", outcomes.pending), ("lost", lost.count), ("repeats", repeats),
            ("retried", requests.values.count(where: \.wasRetried)), ("misplaced", ledger.misplaced.count),
        ]
        expectNone(vanished, "acknowledged requests are not in the topic of requests")
        expectNone(lost.count, "requests have neither a result nor a dead letter nor a pending retry\(examples(lost))")
        expectNone(outcomes.both, "requests have a result and a dead letter")
        expectNone(outcomes.wrong, "requests ended as the other of result and dead letter")
        expectNone(ledger.invented, "results, retries or dead letters that no request led to")
        expectNone(ledger.altered.count, "results say other than their request\(examples(ledger.altered))")
        let (alteredDead, misnamed) = (ledger.alteredDead, ledger.misnamed)
        expectNone(alteredDead.count, "dead letters have another value or origin than their request\(examples(alteredDead))")
        let elsewhere = ledger.elsewhere
        expectNone(elsewhere.count, "results have another key than their request, or lie in another partition\(examples(elsewhere))")
        expectNone(misnamed.count, "results have another id than the one that is derived of their request's\(examples(misnamed))")
        expectNone(ledger.differing, "repeated results have an id of their own")
        judgeOrder(evidence, done: outcomes.done)
        if evidence.plan.mode == .exactlyOnce {
            expectNone(repeats, "repeated results are visible to a read_committed reader")
            judgeCopies(requests, mayCarryOn: evidence.mayCarryOn)
        } else {
            let forgotten = ledger.forgotten
            expectNone(
                forgotten.count,
                "repeated results lie \(ChaosLedger.remembered) others or more behind the one before: no bot downstream drops them\(examples(forgotten))"
            )
            judgeAnswers(ledger)
            if !evidence.mayRepeat {
                let hasty = ledger.requests(in: evidence.hastilyGivenUp)
                let unexplained = requests.reduce(0) { $0 + (hasty.contains($1.key) ? 0 : max(0, $1.value.results - 1)) }
                counts += [("excused", repeats - unexplained), ("written_again", evidence.writtenAgain)]
                let cause = "no process broke down or had too little time to settle, and the broker had answered for them"
                expectNone(unexplained - evidence.writtenAgain, "results are repeated although \(cause)")
                let others = requests.filter { !hasty.contains($0.key) }
                if surplus(others, mayCarryOn: evidence.mayCarryOn) > max(0, evidence.writtenAgain - unexplained) {
                    judgeCopies(others, mayCarryOn: evidence.mayCarryOn)
                }
            }
        }
        judgeAttempts(evidence)
        judgeLoad(evidence, acknowledged: acknowledged)
    }

    /// How much memory a bot may have had, in megabytes: some more than what docs/guarantees.md has measured, also for a debug build, which needs little
    /// more (33 in a short run).
    static let mostMegabytes = 150.0

    private mutating func judgeMemory(_ evidence: Evidence) {
        counts.append(("peak_mb", rounded(evidence.peaks.values.max() ?? 0, 10)))
        for (slot, megabytes) in evidence.peaks.sorted(by: { $0.key < $1.key }) where megabytes > Self.mostMegabytes {
            faults.append("bot \(slot) had \(rounded(megabytes, 10)) MB of memory (at most \(Self.mostMegabytes))")
        }
    }

    /// A run without what its plan names proves nothing.
    private mutating func judgeLoad(_ evidence: Evidence, acknowledged: Int) {
        let (plan, ledger) = (evidence.plan, evidence.group.ledger)
        let planned = plan.load.requestsPerSecond * plan.seconds
        if acknowledged * 2 < planned {
            faults.append("only \(acknowledged) of \(planned) requests were acknowledged: there was hardly a load")
        }
        if plan.load.poisonPerMille > 0, !evidence.sent.contains(where: \.isPoison) { faults.append("no request was poison") }
        if plan.load.repeatPerMille > 0, ledger.requests.values.allSatisfy({ $0.copies == 1 }) {
            faults.append("no request was repeated")
        }
        if plan.scenario.countsKeys { judgeTotals(ledger) }
        guard plan.load.transientPerMille > 0 else { return }
        counts.append(("tried_again", ledger.triedAgain))
        if ledger.triedAgain == 0 { faults.append("no request was tried again") }
        let retried = ledger.requests.values.count(where: \.wasRetried)
        if plan.retry == .topic, retried == 0 { faults.append("no request went through the retry topic") }
        if plan.retry == .inPlace { expectNone(retried, "requests went through the retry topic, and are to be tried again in place") }
    }

    /// At-least-once a crash between a retry and its commit explains a late result that does not say so, and a broker that was away one that says so.
    private mutating func judgeOrder(_ evidence: Evidence, done: Int) {
        let (ledger, plan) = (evidence.group.ledger, evidence.plan)
        var misplaced = ledger.misplaced
        if plan.mode == .exactlyOnce {
            misplaced += ledger.unmarked
        } else if !evidence.mayRepeat {
            let hasty = ledger.requests(in: evidence.hastilyGivenUp)
            misplaced += ledger.unmarked.filter { !hasty.contains($0) }
        } else {
            let retried = ledger.requests.values.count(where: \.wasRetried)
            expect(
                atMost: retried / Self.unmarkedAtMost, ledger.unmarked,
                "of \(retried) results that were retried came late and do not say so: more than crashes explain")
        }
        counts.append(("unmarked", ledger.unmarked.count))
        expectNone(misplaced.count, "results are out of the order of their key\(examples(misplaced))")
        let marked = ledger.markedAlone
        counts.append(("marked", marked.count))
        let most = plan.mode == .atLeastOnce && plan.scenario.mayRefuseAPart ? done / Self.markedAtMost : evidence.writtenAgain
        expect(atMost: most, marked, "results say that they may be late, and nothing has led to that")
    }

    /// Of so many requests that were retried one may have a late result without its mark: what a crash has come between the retry and its commit for.
    static let unmarkedAtMost = 5

    /// Where the broker is kept away, one of so many results may say that it may be late: what was under way when it went is written again, hardly more.
    static let markedAtMost = 10

    /// Only what fails is tried again: by the request's number, or because its call met an outage.
    private mutating func judgeAttempts(_ evidence: Evidence) {
        let most = evidence.plan.unplannedRetries
        let (untimely, needless) = (evidence.group.ledger.untimely, evidence.group.ledger.needlesslyRetried)
        expect(atMost: most, untimely, "results were given at another attempt than they should be")
        expect(atMost: most, needless, "requests went through the retry topic, and nothing of them fails")
    }

    /// Each request is counted once in the state of its key, in its turn.
    private mutating func judgeTotals(_ ledger: ChaosLedger) {
        counts.append(("counted", ledger.counted))
        expectNone(ledger.requests.values.count { $0.results > 0 } - ledger.counted, "results say nothing of the total of their key")
        expectNone(
            ledger.requests.values.count { $0.forwards > $0.copies }, "requests were handed on more often than the producer wrote them")
        expectNone(ledger.miscounted.count, "results have another total than their turn\(examples(ledger.miscounted))")
    }

    /// Exactly-once, or where nothing cut a process off, no copy of a request has more than one dead letter, nor more than one retry for the same attempt; of a retry that waits there are
    /// copies where its bot may have carried it on, and they are due when it is.
    private mutating func judgeCopies(_ requests: [String: ChaosLedger.Request], mayCarryOn: Bool) {
        expectNone(requests.values.count { $0.dead > $0.copies }, "requests have more dead letters than the producer wrote them")
        expectNone(
            requests.values.count { request in request.retries(mayCarryOn: mayCarryOn).contains { $0 > request.copies } },
            "requests have more than one retry for the same attempt")
    }

    /// How many dead letters, and retries for the same attempt, there are beyond one for each copy of their request.
    private func surplus(_ requests: [String: ChaosLedger.Request], mayCarryOn: Bool) -> Int {
        requests.values.reduce(0) { sum, request in
            ([request.dead] + request.retries(mayCarryOn: mayCarryOn)).reduce(sum) { $0 + max(0, $1 - request.copies) }
        }
    }

    /// A bot downstream drops what is repeated: it answers each result once.
    private mutating func judgeAnswers(_ ledger: ChaosLedger) {
        guard let answers = ledger.answers else { return }
        let results = Set(ledger.requests.values.compactMap(\.resultID))
        let unanswered = results.count { answers[$0] == nil }
        isIncomplete = isIncomplete || unanswered > 0
        counts.append(("answered", results.count - unanswered))
        expectNone(unanswered, "results have no answer of the bot downstream")
        expectNone(answers.count { !results.contains($0.key) }, "answers of the bot downstream that no result led to")
        expectNone(
            answers.count { $0.value > 1 && !ledger.overlooked.contains($0.key) },
            "results were answered more than once by the bot downstream")
    }

    private mutating func judgeGroup(_ evidence: Evidence) {
        let (samples, log) = (evidence.group.samples.count, evidence.group.log.count)
        let (check, stall) = judgeOffsets(evidence.group, whose: "", of: "requests or retries", evidence)
        counts += [
            ("samples", samples), ("commits", log), ("regressions", check.regressions.count), ("vanished", check.vanished.count),
            ("overtaken", check.overtaken.count), ("forgetful", check.forgetful.count), ("longest_stall_s", stall),
            ("judged_spans", evidence.calm.count { $0.upperBound - $0.lowerBound > evidence.stallLimit }),
        ]
    }

    /// It is an exactly-once bot that nobody harms, whatever came of those before it.
    private mutating func judge(_ next: Reading, _ evidence: Evidence) {
        let (who, ledger) = (" of the bot downstream", next.ledger)
        expectNone(ledger.altered.count, "answers\(who) say other than their result\(examples(ledger.altered))")
        let elsewhere = ledger.elsewhere
        expectNone(elsewhere.count, "answers\(who) have another key than their result, or lie in another partition\(examples(elsewhere))")
        expectNone(ledger.requests.values.count { $0.dead > 0 }, "results are dead letters\(who)")
        expectNone(ledger.misnamed.count, "answers\(who) have another id than the one that is derived\(examples(ledger.misnamed))")
        let misplaced = ledger.misplaced + ledger.unmarked + ledger.markedAlone
        expectNone(misplaced.count, "answers\(who) are out of the order of their key\(examples(misplaced))")
        // At which attempt an answer was given is not to be seen: it has the fields of its result.
        let needless = ledger.needlesslyRetried
        expectNone(needless.count, "results went through the retry topic\(who), and nothing of them fails\(examples(needless))")
        let (_, stall) = judgeOffsets(next, whose: who, of: "results", evidence)
        counts += [("downstream_commits", next.log.count), ("downstream_stall_s", stall)]
    }

    /// - Parameters:
    ///   - whose: the commits are, in words; nothing for those of the group that is harmed.
    ///   - what: is to be handled.
    /// - Returns: also how long a partition stood still at most, in seconds.
    private mutating func judgeOffsets(
        _ reading: Reading, whose: String, of what: String, _ evidence: Evidence
    ) -> (check: OffsetCheck, longestStall: Double) {
        let check = OffsetCheck(reading.samples, reading.log, reading.topics, reading.ledger)
        expectNone(check.regressions.count, "commits\(whose) went back\(examples(check.regressions))")
        expectNone(check.vanished.count, "commits\(whose) are gone\(examples(check.vanished))")
        isIncomplete = isIncomplete || !check.unlogged.isEmpty
        expectNone(check.unlogged.count, "commits\(whose) are not in their log\(examples(check.unlogged))")
        expectNone(check.overtaken.count, "\(what) were passed by a commit\(whose)\(examples(check.overtaken))")
        expectNone(check.forgetful.count, "commits\(whose) have forgotten what was finished\(examples(check.forgetful))")
        let stalls = StallCheck(reading.samples, reading.topics, reading.ledger, during: evidence.calm)
        judge(stalls.longest, evidence)
        if stalls.longestGap > evidence.stallLimit {
            faults.append("nobody looked at the commits\(whose) for \(rounded(stalls.longestGap, 10)) s: a standstill could not be seen")
        }
        return (check, rounded(stalls.longest?.seconds ?? 0, 10))
    }

    private mutating func judge(_ stall: StallCheck.Stall?, _ evidence: Evidence) {
        guard let stall, stall.seconds > evidence.stallLimit else { return }
        faults.append(
            "\(stall.partition) had lag and stood still for \(rounded(stall.seconds, 10)) s after a fault was healed (at most \(evidence.stallLimit) s)"
        )
    }

    private mutating func expect(atMost most: Int, _ found: [String], _ what: String) {
        guard found.count > most else { return }
        faults.append("\(found.count) \(what)\(most > 0 ? " (at most \(most))" : "")\(examples(found))")
    }

    private mutating func expectNone(_ count: Int, _ what: String) { if count > 0 { faults.append("\(count) \(what)") } }

    private func examples(_ texts: [String]) -> String { texts.isEmpty ? "" : ": " + texts.prefix(3).joined(separator: "; ") }
}

/// How the requests of a run ended.
private struct Outcomes {
    var (done, dead, pending) = (0, 0, 0)
    /// Results beyond the first.
    var repeats = 0
    /// Requests with neither a result nor a dead letter, of which no retry waits.
    var lost: [String] = []
    /// With both; and with the other one of the two than they should have.
    var (both, wrong) = (0, 0)

    init(of requests: [String: ChaosLedger.Request], poison: Set<String>) {
        for (id, request) in requests {
            if request.results > 0 { done += 1 }
            if request.dead > 0 { dead += 1 }
            if request.results > 0, request.dead > 0 { both += 1 }
            if request.results == 0, request.dead == 0 {
                if request.isPending { pending += 1 } else { lost.append(id) }
            } else if (request.dead > 0) != poison.contains(id) {
                wrong += 1
            }
            repeats += max(0, request.results - 1)
        }
    }
}
