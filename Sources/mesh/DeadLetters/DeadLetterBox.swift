import Envelopes
import Glibc
import Kafka
import Terminal

/// `mesh.dlq` and its marks, as they stand when a command begins.
struct DeadLetterBox {
    let settings: ClientSettings
    /// Redrives after which a dead letter is quarantined.
    let limit: Int
    private(set) var marks = MarkBook()
    private(set) var letters: LogScan
    /// The lowest offset that each partition has.
    let lows: [Int32: Int64]

    /// A dead letter and what has become of it.
    struct Entry {
        let letter: DeadLetter
        let state: DeadLetterState

        /// The same without key and value, for whoever keeps it only to name it.
        var withoutContent: Entry { Entry(letter: letter.withoutContent, state: state) }
    }

    /// Reads the marks. `places` narrows the dead letters to some; `patience` is how long Kafka may bring nothing. What is no mark is told on standard error,
    /// unless a box before it has told that.
    init(
        _ settings: ClientSettings, limit: Int, places: Set<DeadLetterPlace> = [], patience: Duration, tellsUnreadable: Bool = true
    ) throws {
        self.settings = settings
        self.limit = limit
        letters = try LogScan(settings, topics: [OwnTopic.deadLetters], patience: patience)
        lows = Dictionary(uniqueKeysWithValues: letters.ranges.map { ($0.key.partition, $0.value.lowerBound) })
        guard !letters.ranges.isEmpty else {
            throw CommandFailure("there is no topic \(OwnTopic.deadLetters). Create the mesh's topics: mesh topics apply")
        }
        if !places.isEmpty { try narrow(to: places) }
        var marks = MarkBook()
        var unreadable = UnreadableMarks()
        try LogScan(settings, topics: [DeadLetterMark.topic], patience: patience).read { record in
            if !marks.take(key: record.key, value: record.value) { unreadable.add(record.topicPartition.at(record.offset)) }
            return true
        }
        self.marks = marks
        if tellsUnreadable, let message = unreadable.message { Terminal.write("mesh: \(message)\n", to: STDERR_FILENO) }
    }

    private mutating func narrow(to places: Set<DeadLetterPlace>) throws {
        let byPartition = Dictionary(grouping: places, by: \.partition)
        for (partition, range) in letters.ranges {
            let offsets = byPartition[partition.partition]?.map(\.offset) ?? []
            guard let first = offsets.min(), let last = offsets.max() else {
                letters.narrow(partition, to: range.lowerBound..<range.lowerBound)
                continue
            }
            letters.narrow(partition, to: first..<(last == .max ? last : last + 1))
        }
    }

    /// Leaves out what lies at these ends of partitions or behind them, and partitions without one.
    mutating func narrow(before ends: [TopicPartition: Int64]) {
        for (partition, range) in letters.ranges {
            letters.narrow(partition, to: range.lowerBound..<max(range.lowerBound, ends[partition] ?? range.lowerBound))
        }
    }

    /// Calls `body` for each dead letter that there is; it returns false to stop.
    func read(_ body: (Entry) throws -> Bool) throws {
        try letters.read { record in
            let letter = DeadLetter(record)
            return try body(Entry(letter: letter, state: DeadLetterState(letter, mark: marks[letter], limit: limit)))
        }
    }

    /// The same, for those that `selection` means.
    func read(_ selection: DeadLetterSelection, _ body: (Entry) throws -> Bool) throws {
        var names = SeenNames()
        try read(selection, noting: &names, body)
    }

    /// The same, noting the names of the others too.
    func read(_ selection: DeadLetterSelection, noting names: inout SeenNames, _ body: (Entry) throws -> Bool) throws {
        names.know(topics: letters.topics, places: selection.places)
        try read { entry in
            names.add(entry.letter)
            let isMeant = (selection.states.isEmpty || selection.states.contains(entry.state)) && selection.matches(entry.letter)
            return try !isMeant || body(entry)
        }
    }
}
