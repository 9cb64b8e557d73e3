/// A commit was pushed: where a workflow begins.
/// Topic `code.committed`.
public struct CodeCommitted: EventPayload {
    public static let type: EventType = "code.committed"

    /// URL of the git repository.
    public var repository: String
    /// Hash of the commit, hexadecimal.
    public var commit: String
    /// Branch that the commit was pushed to.
    public var branch: String?
    /// Who wrote the commit, as git names them.
    public var author: String?
    /// The commit's message.
    public var message: String?
    /// The branch's commit before this push, hexadecimal.
    public var before: String?

    public init(
        repository: String, commit: String, branch: String? = nil, author: String? = nil, message: String? = nil, before: String? = nil
    ) {
        self.repository = repository
        self.commit = commit
        self.branch = branch
        self.author = author
        self.message = message
        self.before = before
    }

    public var key: String? { repository }

    enum CodingKeys: String, CodingKey {
        case repository, commit, branch, author, message, before
    }

    /// Reads `commit_sha`, the name that older hooks use, as `commit`.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        repository = try container.decode(String.self, forKey: .repository)
        if let sha = try decoder.container(keyedBy: OlderKeys.self).decodeIfPresent(String.self, forKey: .commit),
            !container.contains(.commit)
        {
            commit = sha
        } else {
            commit = try container.decode(String.self, forKey: .commit)
        }
        branch = try container.decodeIfPresent(String.self, forKey: .branch)
        author = try container.decodeIfPresent(String.self, forKey: .author)
        message = try container.decodeIfPresent(String.self, forKey: .message)
        before = try container.decodeIfPresent(String.self, forKey: .before)
    }

    private enum OlderKeys: String, CodingKey { case commit = "commit_sha" }
}
