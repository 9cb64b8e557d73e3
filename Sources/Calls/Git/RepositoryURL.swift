import BotKit

/// The URL of a repository, checked: `https`, `ssh` and `file` only, no credentials, nothing that git or a shell could read as an option.
public struct RepositoryURL: Sendable, Equatable {
    /// As git takes it. `git@host:path` is written as `ssh://git@host/path`, and an absolute path as `file://…`.
    public let text: String
    public let scheme: String

    public init(_ text: String) throws(CallFailure) {
        func refuse(_ why: String) -> CallFailure {
            CallFailure(
                .permanent, code: "repository-refused", message: "the repository's URL \(why); expected https://…, ssh://… or file:///…")
        }
        guard (1...2048).contains(text.utf8.count) else { throw refuse("is empty or longer than 2048 bytes") }
        guard text.utf8.allSatisfy({ $0 > 0x20 && $0 != 0x7f }) else { throw refuse("has spaces or control characters") }
        guard !text.hasPrefix("-") else { throw refuse("begins with '-'") }
        var url = text
        if text.hasPrefix("/") {
            url = "file://" + text
        } else if !text.contains("://"), let colon = text.firstIndex(of: ":"), text[..<colon].contains("@"), !text[..<colon].contains("/") {
            let path = text[text.index(after: colon)...]
            url = "ssh://\(text[..<colon])/\(path.hasPrefix("/") ? path.dropFirst() : path)"
        }
        guard let separator = url.firstRange(of: "://") else { throw refuse("has no scheme") }
        scheme = url[..<separator.lowerBound].lowercased()
        let rest = url[separator.upperBound...]
        let slash = rest.firstIndex(of: "/") ?? rest.endIndex
        let authority = rest[..<slash]
        let path = rest[slash...]
        guard ["https", "ssh", "file"].contains(scheme) else { throw refuse("has the scheme '\(scheme.prefix(20))'") }
        guard !path.split(separator: "/").contains(".."), !path.lowercased().contains("%2e") else { throw refuse("has '..' in its path") }
        if let at = authority.lastIndex(of: "@") {
            guard scheme == "ssh", !authority[..<at].contains(":") else { throw refuse("has credentials in it") }
        }
        guard !authority.hasPrefix("-"), !(authority.split(separator: "@").last ?? "").hasPrefix("-") else {
            throw refuse("has a host that begins with '-'")
        }
        guard scheme != "file" || authority.isEmpty || authority == "localhost" else { throw refuse("names another machine's files") }
        self.text = "\(scheme)://\(authority)\(path)"
    }

    /// Whether the URL begins with one of the prefixes, which end at a `/` or `:` of the URL whether or not they are written so.
    public func isAllowed(by prefixes: [String]) -> Bool {
        prefixes.contains { prefix in
            let prefix = prefix.hasPrefix("/") ? "file://" + prefix : prefix
            guard !prefix.isEmpty, text.hasPrefix(prefix) else { return false }
            let rest = text.dropFirst(prefix.count)
            return rest.isEmpty || prefix.hasSuffix("/") || prefix.hasSuffix(":") || rest.hasPrefix("/")
        }
    }
}

/// What shall be checked out.
public enum Revision: Sendable, Equatable {
    /// 7 to 64 hexadecimal digits.
    case hash(String)
    /// The name of a branch or tag.
    case name(String)

    public init(_ text: String) throws(CallFailure) {
        let isHexadecimal = text.utf8.allSatisfy { byte in
            (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(byte | 0x20)
        }
        if isHexadecimal, (7...64).contains(text.utf8.count) {
            self = .hash(text.lowercased())
            return
        }
        let isName = text.utf8.allSatisfy { byte in
            (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) || (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
                || [UInt8(ascii: "/"), UInt8(ascii: "."), UInt8(ascii: "-"), UInt8(ascii: "_")].contains(byte)
        }
        guard isName, (1...200).contains(text.utf8.count), let first = text.first, first != "-", first != ".", first != "/",
            !text.contains(".."), !text.hasSuffix("/"), !text.hasSuffix(".lock")
        else {
            throw CallFailure(
                .permanent, code: "commit-refused",
                message: "the commit is neither 7 to 64 hexadecimal digits nor the plain name of a branch or tag")
        }
        self = .name(text)
    }
}
