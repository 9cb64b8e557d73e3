/// The page of the documentation that describes every command.
extension Program {
    /// In Markdown, one section a command. `renewal` is the command that writes it.
    public func reference(renewal: String) -> String {
        let note = "<!-- Made from the definitions of the commands; do not edit. Renew it: \(renewal) -->"
        var page = "# `\(name)`\n\n\(note)\n\n\(markdown(summary)).\n\n\(contents)\n"
        page += table("Flags of every command", ["Flag", "Meaning"], commonFlags.map { ("`\($0.form)`", markdown($0.explanation)) })
        page += table("Exit status", ["Status", "Meaning"], exitStatuses.map { ("\($0.status)", markdown($0.meaning)) })
        for group in grouped {
            if !group.title.isEmpty { page += "\n## \(group.title)\n" }
            for command in group.commands { page += section(command) }
        }
        return page
    }

    private var contents: String {
        grouped.map { group in
            let links = group.commands.map { "[`\($0.name)`](#\(anchor($0)))" }.joined(separator: ", ")
            return group.title.isEmpty ? links : "- \(group.title): \(links)"
        }.joined(separator: "\n")
    }

    /// As GitHub derives it from the heading.
    private func anchor(_ command: Command) -> String { ([name] + command.path).joined(separator: "-") }

    private func section(_ command: Command) -> String {
        let heading = "### `\(([name] + command.path).joined(separator: " "))`"
        var text = "\n\(heading)\n\n\(markdown(command.summary)).\n\n```text\n\(usage(of: command))\n```\n"
        for passage in Passage.passages(of: command.discussion) {
            switch passage {
            case .paragraph(let lines): text += "\n" + lines.map { markdown($0) + "\n" }.joined()
            case .example(let lines): text += "\n```text\n" + lines.map { $0 + "\n" }.joined() + "```\n"
            }
        }
        if !command.json.isEmpty { text += "\n\(markdown(command.jsonSentence))\n" }
        let rows = command.arguments.map { ($0.form, $0.row.1) } + command.flags.map(\.row)
        return text + table(nil, ["Argument or flag", "Meaning"], rows.map { ("`\($0.0)`", markdown($0.1)) })
    }

    private func table(_ title: String?, _ columns: [String], _ rows: [(String, String)]) -> String {
        guard !rows.isEmpty else { return "" }
        let head = (title.map { "\n## \($0)\n" } ?? "") + "\n| \(columns.joined(separator: " | ")) |\n|---|---|\n"
        return head + rows.map { "| \($0.0.replacing("|", with: "\\|")) | \($0.1.replacing("|", with: "\\|")) |\n" }.joined()
    }

    /// Plain text, with what Markdown would take for a mark made literal; what stands between backticks stays.
    private func markdown(_ text: String) -> String {
        var isCode = false
        var result = ""
        for character in text {
            if character == "`" { isCode.toggle() }
            if !isCode, "*<".contains(character) { result += "\\" }
            result.append(character)
        }
        return result
    }
}
