/// Manual pages in the language of troff's `man` macros.
extension Program {
    /// The program's own page: every command in a line.
    public var manPage: String {
        var page = title(name) + section("NAME") + ".P\n" + roff("\(name) - \(summary)") + "\n"
        page += section("SYNOPSIS") + ".P\n.B \(roff(name))\n.I COMMAND\n" + roff("[FLAG …]") + "\n"
        for group in grouped {
            page += section(group.title.isEmpty ? "COMMANDS" : group.title.uppercased())
            for command in group.commands {
                page += ".TP\n.BR \(roff(pageName(command))) (1)\n\(roff(command.summary))\n"
            }
        }
        return page + flags(commonFlags, under: "COMMON FLAGS") + environment(commonFlags) + exits
    }

    /// A command's page.
    public func manPage(of command: Command) -> String {
        var page = title(pageName(command)) + section("NAME") + ".P\n" + roff("\(pageName(command)) - \(command.summary)") + "\n"
        page += section("SYNOPSIS") + ".P\n.B \(roff(([name] + command.path).joined(separator: " ")))\n"
        let rest = command.arguments.map(\.form) + (command.flags + commonFlags).map { "[\($0.form)]" }
        if !rest.isEmpty { page += roff(rest.joined(separator: " ")) + "\n" }
        if !command.discussion.isEmpty { page += section("DESCRIPTION") + discussion(command.discussion) }
        if !command.json.isEmpty { page += section("JSON") + ".P\n\(roff(command.jsonSentence))\n" }
        if !command.arguments.isEmpty {
            page += section("ARGUMENTS") + command.arguments.map { ".TP\n.I \(roff($0.name))\n\(roff($0.row.1))\n" }.joined()
        }
        page += flags(command.flags, under: "FLAGS") + flags(commonFlags, under: "COMMON FLAGS")
        page += environment(command.flags + commonFlags) + exits
        return page + section("SEE ALSO") + ".P\n.BR \(roff(name)) (1)\n"
    }

    /// What the page of a command is called, e.g. `mesh-topics-list`; the file is that with `.1`.
    public func pageName(_ command: Command) -> String { ([name] + command.path).joined(separator: "-") }

    private func title(_ page: String) -> String {
        ".TH \(roff(page).uppercased()) 1 \"\" \"\(roff("\(name) \(version)"))\" \"\(roff("\(name) manual"))\"\n.nh\n.ad l\n"
    }

    private func section(_ title: String) -> String { ".SH \(roff(title))\n" }

    private func flags(_ flags: [Flag], under heading: String) -> String {
        guard !flags.isEmpty else { return "" }
        return section(heading)
            + flags.map { flag in
                let value = flag.value.map { " \"\(roff($0))\"" } ?? ""
                return ".TP\n.BI \"\(roff("--" + flag.name)) \"\(value)\n\(roff(flag.explanation))\n"
            }.joined()
    }

    private func environment(_ flags: [Flag]) -> String {
        let named = flags.compactMap { flag in flag.environment.map { ($0, flag.name) } }
        guard !named.isEmpty else { return "" }
        return section("ENVIRONMENT")
            + named.map { ".TP\n.B \(roff($0.0))\n\(roff("the value of --\($0.1) where the flag is absent"))\n" }.joined()
    }

    private var exits: String {
        guard !exitStatuses.isEmpty else { return "" }
        return section("EXIT STATUS") + exitStatuses.map { ".TP\n.B \($0.status)\n\(roff($0.meaning))\n" }.joined()
    }

    private func discussion(_ text: String) -> String {
        Passage.passages(of: text).map { passage in
            switch passage {
            case .paragraph(let lines): ".P\n" + lines.map { roff($0) + "\n" }.joined()
            case .example(let lines): ".P\n.EX\n" + lines.map { roff($0) + "\n" }.joined() + ".EE\n"
            }
        }.joined()
    }

    /// `text` without anything that troff takes for a command; dashes as they are typed.
    private func roff(_ text: String) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\\": result += "\\e"
            case "-": result += "\\-"
            case "\"": result += "\\(dq"
            case "'": result += "\\(aq"
            case "`": result += "\\(ga"
            case "^": result += "\\(ha"
            case "~": result += "\\(ti"
            case _ where scalar.isASCII: result.unicodeScalars.append(scalar)
            default:
                let hex = String(scalar.value, radix: 16).uppercased()
                result += "\\[u\(String(repeating: "0", count: max(0, 4 - hex.count)))\(hex)]"
            }
        }
        return result.hasPrefix(".") ? "\\&" + result : result
    }
}
