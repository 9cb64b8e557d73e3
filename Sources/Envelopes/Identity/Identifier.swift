/// The text of an id. Nearly all are UUIDs in lower case, and kept as the 16 bytes that they stand for: no memory of their own, quick to compare.
struct Identifier: Hashable, Sendable {
    private enum Form: Hashable, Sendable {
        case unique(UniqueID)
        /// Any other text; never one that `unique` could stand for.
        case text(String)
    }
    private let form: Form

    init(_ id: UniqueID) { form = .unique(id) }

    init(_ text: String) {
        form = text.withBytes { UniqueID(lowerCase: $0) }.map { .unique($0) } ?? .text(text)
    }

    /// UTF-8; what is none is repaired.
    init(_ text: UnsafeBufferPointer<UInt8>) {
        form = UniqueID(lowerCase: text).map { .unique($0) } ?? .text(String(decoding: text, as: UTF8.self))
    }

    var text: String {
        switch form {
        case .unique(let id): id.text
        case .text(let text): text
        }
    }

    /// The UUID that it is; nil for any other text, one in upper case too.
    var unique: UniqueID? { if case .unique(let id) = form { id } else { nil } }

    /// No fewer than its text has.
    var longestBytes: Int {
        switch form {
        case .unique: UniqueID.textBytes
        case .text(let text): text.utf8.count
        }
    }

    func hash(into hasher: inout Hasher) {
        switch form {
        case .unique(let id): hasher.combine(id.high ^ id.low)
        case .text(let text): hasher.combine(text)
        }
    }
}
