import Envelopes

/// What is dangerous in a Dockerfile.
enum DockerfileChecks {
    struct Match: Sendable, Equatable {
        let rule: String
        let severity: FindingSeverity
        let message: String
        let line: Int
    }

    /// The rules' ids and what each says.
    static let rules: [(id: String, severity: FindingSeverity, message: String)] = [
        ("DF001", .medium, "the base image has no fixed version; name a tag or, better, a digest"),
        ("DF002", .medium, "the container runs as root; end with USER and an unprivileged name"),
        ("DF003", .medium, "ADD fetches an address without a check; use ADD --checksum, or curl and a digest"),
        ("DF004", .high, "runs what it downloads without a look at it; download, verify a digest, then run"),
        ("DF005", .high, "a secret in ENV or ARG stays in the image's history; use RUN --mount=type=secret"),
        ("DF006", .high, "copies a file that holds secrets into the image"),
        ("DF007", .medium, "lets every user write; give the least that is needed"),
        ("DF008", .high, "runs this step with the host's privileges"),
        ("DF009", .low, "sudo in an image gives its user root back"),
    ]

    private static let pipedToShell = BytePattern(literal: #"(curl|wget)\s[^|;\n]*\|\s*(sudo\s+)?(ba|z|da|k)?sh[\s"';)&|]"#)
    private static let shellOfDownload = BytePattern(literal: #"(ba|z|da|k)?sh\s+(-c\s+)?["']?(<\(|\$\()\s*(curl|wget)\s"#)
    private static let secretName = BytePattern(
        literal: #"(\w*_)?(password|passwd|secret|token|api_?key|access_key|private_key|credentials?)(_\w*)?"#, ignoresCase: true)
    private static let secretFile = BytePattern(
        literal:
            #"(.*/)?(\.env|\.npmrc|\.pypirc|\.netrc|\.git-credentials|id_(rsa|dsa|ecdsa|ed25519)|\.ssh/?|\.aws/?(credentials)?|.*\.pem|.*\.p12|.*\.pfx)"#,
        ignoresCase: true)
    private static let openToAll = BytePattern(literal: #"chmod\s+(-\w+\s+)*0?[0-7]?777"#)

    static func check(_ file: Dockerfile) -> [Match] {
        var matches: [Match] = []
        func add(_ id: String, _ line: Int) {
            guard let rule = rules.first(where: { $0.id == id }) else { return }
            matches.append(Match(rule: id, severity: rule.severity, message: rule.message, line: line))
        }
        var stages = Set<String>()
        var user: String?
        var lastFrom: Int?
        for instruction in file.instructions {
            let line = instruction.line
            let words = instruction.arguments.split { $0.isWhitespace }.map(String.init)
            let operands = words.drop { $0.hasPrefix("--") }
            switch instruction.name {
            case "FROM":
                guard let image = operands.first else { break }
                lastFrom = line
                user = nil
                if !stages.contains(image.lowercased()), !isFixed(image) { add("DF001", line) }
                if operands.count >= 3, let alias = operands.last { stages.insert(alias.lowercased()) }
            case "USER": user = operands.first
            case "ADD":
                let isChecked = words.contains { $0.hasPrefix("--checksum=") }
                if !isChecked, operands.dropLast().contains(where: { $0.hasPrefix("http://") || $0.hasPrefix("https://") }) {
                    add("DF003", line)
                }
                if operands.dropLast().contains(where: secretFile.matchesWhole) { add("DF006", line) }
            case "COPY": if operands.dropLast().contains(where: secretFile.matchesWhole) { add("DF006", line) }
            case "ENV", "ARG": if holdsSecret(instruction, words) { add("DF005", line) }
            case "RUN":
                let command = instruction.arguments + "\n"
                if pipedToShell.isFound(in: command) || shellOfDownload.isFound(in: command) { add("DF004", line) }
                if openToAll.isFound(in: command) { add("DF007", line) }
                if words.contains("--security=insecure") || words.contains("--privileged") { add("DF008", line) }
                if words.contains("sudo") { add("DF009", line) }
            default: break
            }
        }
        if let lastFrom, isRoot(user) { add("DF002", lastFrom) }
        return matches
    }

    /// A digest, or a tag other than `latest`. `scratch` has neither and needs neither; a variable cannot be judged.
    private static func isFixed(_ image: String) -> Bool {
        if image == "scratch" || image.contains("@sha256:") || image.contains("$") { return true }
        let name = image.split(separator: "/").last ?? ""
        guard let colon = name.firstIndex(of: ":") else { return false }
        let tag = name[name.index(after: colon)...]
        return !tag.isEmpty && tag != "latest"
    }

    private static func isRoot(_ user: String?) -> Bool {
        guard let user else { return true }
        let name = user.split(separator: ":").first.map(String.init) ?? ""
        return name == "root" || name == "0"
    }

    /// A name that says secret, with a value that is written out.
    private static func holdsSecret(_ instruction: Dockerfile.Instruction, _ words: [String]) -> Bool {
        func isWrittenOut(_ value: some StringProtocol) -> Bool {
            let bare = value.drop { $0 == "\"" || $0 == "'" }
            return !bare.isEmpty && bare.first != "$" && bare.first != "\"" && bare.first != "'"
        }
        if instruction.name == "ENV", words.count >= 2, !words[0].contains("=") {
            return secretName.matchesWhole(words[0]) && isWrittenOut(words[1])
        }
        return words.contains { word in
            let parts = word.split(separator: "=", maxSplits: 1)
            return parts.count == 2 && secretName.matchesWhole(String(parts[0])) && isWrittenOut(parts[1])
        }
    }
}
