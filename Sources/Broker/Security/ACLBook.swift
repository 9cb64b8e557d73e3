import KafkaProtocol

/// All ACLs that there are, in the metadata log and in memory. On the broker's thread.
final class ACLBook {
    /// Kafka has no such limit.
    static let maximumCount = 10_000

    private let metadata: MetadataLog
    private var bindings: Set<ACLBinding>
    private(set) var index = ACLIndex()

    /// - Parameter bindings: those that the metadata log has.
    init(metadata: MetadataLog, bindings: some Sequence<ACLBinding>) {
        self.metadata = metadata
        self.bindings = Set(bindings)
        for binding in self.bindings { index.insert(binding) }
    }

    var isEmpty: Bool { bindings.isEmpty }

    /// In an order that is the same each time.
    func matching(_ filter: ACLFilter) -> [ACLBinding] { bindings.filter(filter.matches).sorted(by: ACLBinding.isOrdered) }

    /// One that is there already stays. All of them hold, or none.
    /// - Throws: what the metadata log says, and `invalidRequest` when there would be too many.
    func insert(_ added: [ACLBinding]) throws(ResourceError) {
        let new = Set(added).subtracting(bindings)
        guard !new.isEmpty else { return }
        guard bindings.count + new.count <= Self.maximumCount else {
            throw ResourceError(.invalidRequest, "There would be more than \(Self.maximumCount) ACLs")
        }
        try write(new.map { (ACLRecord($0).key, ACLRecord($0)) })
        for binding in new {
            bindings.insert(binding)
            index.insert(binding)
        }
    }

    /// All of them are gone, or none.
    func remove(_ removed: [ACLBinding]) throws(ResourceError) {
        let known = bindings.intersection(removed)
        guard !known.isEmpty else { return }
        try write(known.map { (ACLRecord($0).key, nil) })
        for binding in known {
            bindings.remove(binding)
            index.remove(binding)
        }
    }

    private func write(_ changes: [(name: String, record: ACLRecord?)]) throws(ResourceError) {
        do { try metadata.change(.acl, changes) } catch { throw ResourceError(error, "The change of ACLs cannot be written.") }
    }
}
