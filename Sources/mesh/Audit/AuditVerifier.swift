import Envelopes

/// Checks the chains of hashes on `mesh.audit`: takes its records in the order of each partition, and names each one at which a chain does not hold.
struct AuditVerifier {
    /// A record as it lies on the topic.
    struct Entry {
        let partition: Int32
        let offset: Int64
        let key: [UInt8]?
        let value: [UInt8]?
    }

    enum Problem: String, Encodable, CaseIterable {
        /// It is no audit record, counts below zero, or lies under another key than its actor.
        case unreadable
        /// Its content is not the one that its hash was made of.
        case altered
        /// Records of its chain before it are gone.
        case missing
        /// It comes after one that was written later, or a second time.
        case reordered
        /// It does not go on from the record before it.
        case unlinked
    }

    struct Finding {
        let partition: Int32
        let offset: Int64
        let actor: String?
        let chain: String?
        let sequence: Int?
        let problem: Problem
        let message: String
    }

    private struct Chain {
        var sequence: Int
        var hash: String
        /// Sequences that were missing and may still come late.
        var gap: Range<Int>?
    }

    private struct Actor {
        /// The hashes of its last records, for links; at most `remembered`.
        var recent: [String] = []
        var known: Set<String> = []
        /// When the first record that there is was made, where it says that it is the first; nil otherwise.
        var began: Timestamp?
    }

    /// Two commands of one person may both find nothing to go on from when they begin so close to each other: looking for it and writing take that long at most.
    private static let together = Duration.seconds(30)

    /// A link may miss so many records that an earlier process, thought dead, still wrote.
    private static let remembered = 256
    /// Findings that are kept; all are counted.
    private static let mostFindings = 1_000

    /// The partitions whose oldest records are gone by retention.
    private let shortened: Set<Int32>
    private var chains: [String: Chain] = [:]
    private var actors: [String: Actor] = [:]
    private(set) var findings: [Finding] = []
    private(set) var problems = 0
    private(set) var records = 0
    /// Chains whose beginning, or whose link, lies before the oldest record of the topic.
    private(set) var beyondBeginning = 0
    /// Chains that say that they could not read how the one before ended, or that were written before chains were linked.
    private(set) var withoutLink = 0
    /// First chains of an actor that began while another first one did.
    private(set) var begunTogether = 0
    /// Records that their writers say could not be written; `Int.max` where they say more.
    private(set) var lost = 0

    init(shortened: Set<Int32>) { self.shortened = shortened }

    var chainCount: Int { chains.count }
    var actorCount: Int { actors.count }

    /// Takes the next record of a partition.
    mutating func add(_ entry: Entry) {
        records += 1
        guard let value = entry.value, let record = try? JSONCoder.decode(AuditRecord.self, from: value) else {
            return report(entry, nil, .unreadable, entry.value == nil ? "its value is null" : "it is no audit record")
        }
        guard entry.key == Array(record.actor.utf8) else {
            return report(entry, record, .unreadable, "its key is not its actor, \(record.actor)")
        }
        // Whoever may write there may write any number.
        guard record.sequence >= 0, record.lost ?? 0 >= 0 else {
            return report(entry, record, .unreadable, "its sequence or its lost is negative")
        }
        let (sum, isTooMuch) = lost.addingReportingOverflow(record.lost ?? 0)
        lost = isTooMuch ? .max : sum
        let isWhole = Self.isWhole(record, value)
        if !isWhole { report(entry, record, .altered, "its content is not what its hash says") }
        if let chain = chains[Self.name(record)] {
            proceed(chain, record, entry)
        } else {
            begin(record, entry)
        }
        remember(record)
    }

    /// A chain is one actor's.
    private static func name(_ record: AuditRecord) -> String { "\(record.actor)\n\(record.chain)" }

    // MARK: a chain's first record that there is

    private mutating func begin(_ record: AuditRecord, _ entry: Entry) {
        chains[Self.name(record)] = Chain(
            sequence: record.sequence, hash: record.hash, gap: record.sequence > 0 ? 0..<record.sequence : nil)
        guard record.sequence == 0 else {
            guard !shortened.contains(entry.partition) else {
                beyondBeginning += 1
                return
            }
            return report(entry, record, .missing, "the \(record.sequence) records before it in its chain are missing")
        }
        switch record.link {
        case nil, .unknown: withoutLink += 1
        case .first:
            guard let actor = actors[record.actor] else { return }
            guard !Self.isTogether(record, actor) else {
                begunTogether += 1
                return
            }
            report(entry, record, .unlinked, "it says that it is the first of \(record.actor), which has records before it")
        case .continued: follow(record, entry)
        }
    }

    private static func isTogether(_ record: AuditRecord, _ actor: Actor) -> Bool {
        guard PersonAudit.isChainOfCommand(record), let began = actor.began, let time = Timestamp.parse(record.at) else { return false }
        let gap = time.duration(since: began)
        return gap <= together && gap >= .zero - together
    }

    private mutating func follow(_ record: AuditRecord, _ entry: Entry) {
        if let actor = actors[record.actor], actor.known.contains(record.previousHash) { return }
        // Its predecessor may have been among what retention took only where nothing of the actor is left before it.
        if actors[record.actor] == nil, shortened.contains(entry.partition) {
            beyondBeginning += 1
            return
        }
        report(entry, record, .missing, "the last record of the chain before it is missing")
    }

    // MARK: the next ones

    private mutating func proceed(_ chain: Chain, _ record: AuditRecord, _ entry: Entry) {
        var chain = chain
        defer { chains[Self.name(record)] = chain }
        guard record.sequence > chain.sequence else {
            let isLate = chain.gap?.contains(record.sequence) ?? false
            return report(
                entry, record, .reordered,
                isLate
                    ? "number \(record.sequence) of its chain comes after number \(chain.sequence)"
                    : "number \(record.sequence) of its chain was there before")
        }
        if record.sequence > chain.sequence + 1 {
            let gap = chain.sequence + 1..<record.sequence
            chain.gap = gap
            let names = gap.count == 1 ? "number \(gap.lowerBound) is" : "numbers \(gap.lowerBound) to \(gap.upperBound - 1) are"
            report(entry, record, .missing, "\(names) missing before it in its chain")
        } else if record.previousHash != chain.hash {
            report(entry, record, .unlinked, "it does not go on from number \(chain.sequence) of its chain")
        }
        chain.sequence = record.sequence
        chain.hash = record.hash
    }

    private mutating func remember(_ record: AuditRecord) {
        var actor = actors[record.actor] ?? Actor(began: record.link == .first ? Timestamp.parse(record.at) : nil)
        actors[record.actor] = nil
        if actor.recent.count >= 2 * Self.remembered {
            actor.recent.removeFirst(Self.remembered)
            actor.known = Set(actor.recent)
        }
        actor.recent.append(record.hash)
        actor.known.insert(record.hash)
        actors[record.actor] = actor
    }

    private mutating func report(_ entry: Entry, _ record: AuditRecord?, _ problem: Problem, _ message: String) {
        problems += 1
        guard findings.count < Self.mostFindings else { return }
        findings.append(
            Finding(
                partition: entry.partition, offset: entry.offset, actor: record?.actor, chain: record?.chain, sequence: record?.sequence,
                problem: problem, message: message))
    }

    /// Whether the hash is that of the bytes on the topic, whatever fields they have: `"hash":"…"` with that very hash, which no other field can hold, is
    /// emptied, and the rest counts.
    static func isWhole(_ record: AuditRecord, _ value: [UInt8]) -> Bool {
        let name = Array("\"hash\":\"".utf8)
        let place = name + Array(record.hash.utf8) + [UInt8(ascii: "\"")]
        guard !record.hash.isEmpty, let found = firstIndex(of: place, in: value[...]) else { return false }
        let emptied = Array(value[..<(found + name.count)]) + Array(value[(found + place.count - 1)...])
        return SHA256.hexadecimal(Array(record.previousHash.utf8) + [UInt8(ascii: "\n")] + emptied) == record.hash
    }

    private static func firstIndex(of part: [UInt8], in bytes: ArraySlice<UInt8>) -> Int? {
        guard bytes.count >= part.count else { return nil }
        return (bytes.startIndex...(bytes.endIndex - part.count)).first { start in
            bytes[start..<(start + part.count)].elementsEqual(part)
        }
    }
}
