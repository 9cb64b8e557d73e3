import Testing

@testable import Terminal

/// The scripts, as the shells themselves run them.
@Suite struct CompletionTests {
    /// What bash offers when the last of `words` is to be completed.
    private func bash(_ words: String...) throws -> [String] {
        let script = """
            mesh() { [[ "$*" == "completion names bots" ]] && printf 'BuildBot\\nTestBot\\n'; }
            \(ProgramTests.program.completion(for: .bash))
            COMP_WORDS=(\(words.map(quoted).joined(separator: " ")))
            COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
            _mesh
            printf '%s\\n' "${COMPREPLY[@]}"
            """
        return try Shells.run("bash", script).split(separator: "\n").map(String.init)
    }

    @Test func bashCompletesWords() throws {
        #expect(try bash("mesh", "") == ["topics", "up", "cancel", "shell", "help"])
        #expect(try bash("mesh", "to") == ["topics"])
        #expect(try bash("mesh", "topics", "") == ["apply", "diff"])
        #expect(try bash("mesh", "help", "topics", "a") == ["apply"])
        #expect(try bash("mesh", "nonsense", "").isEmpty)
    }

    @Test func bashCompletesFlagsAndTheirChoices() throws {
        #expect(try bash("mesh", "topics", "apply", "--") == ["--force", "--brokers", "--help"])
        #expect(try bash("mesh", "up", "--de") == ["--delivery"])
        #expect(try bash("mesh", "up", "--delivery", "") == ["exactly-once", "at-least-once"])
        #expect(try bash("mesh", "up", "--delivery", "=", "at") == ["at-least-once"])
        #expect(try bash("mesh", "up", "--delivery", "=") == ["exactly-once", "at-least-once"])
        #expect(try bash("mesh", "up", "--brokers", "").isEmpty)
    }

    @Test func bashCompletesArguments() throws {
        #expect(try bash("mesh", "shell", "") == ["bash", "zsh"])
        #expect(try bash("mesh", "up", "T") == ["TestBot"])
        #expect(try bash("mesh", "up", "TestBot", "B") == ["BuildBot"])
        #expect(try bash("mesh", "up", "--replicas", "T") == ["TestBot"])
        #expect(try bash("mesh", "cancel", "").isEmpty)
        #expect(try bash("mesh", "up", "--log", "/etc/pass").contains("/etc/passwd"))
    }

    @Test(arguments: [
        ("mesh to", "topics"), ("mesh topics ", "apply,diff"), ("mesh up --delivery ", "at-least-once,exactly-once"),
        ("mesh topics apply --f", "--force"), ("mesh shell ", "bash,zsh"), ("mesh help topics d", "diff"),
    ]) func fishCompletes(line: String, expected: String) throws {
        let script = "\(ProgramTests.program.completion(for: .fish))\ncomplete -C '\(line)'\n"
        let answer = try Shells.run("fish --no-config", script)
        #expect(answer.split(separator: "\n").map { $0.prefix { $0 != "\t" } }.joined(separator: ",") == expected)
    }

    /// What zsh's own functions are asked for; how they show it is theirs.
    private func zsh(_ words: String...) throws -> String {
        let script = """
            compdef() { : }
            _describe() { print -rl -- "${(@P)2}" }
            _arguments() { print -rl -- "at ${words[*]}" "$@" }
            \(ProgramTests.program.completion(for: .zsh))
            words=(\(words.map(quoted).joined(separator: " "))) CURRENT=\(words.count)
            _mesh
            """
        return try Shells.run("zsh -f", script)
    }

    @Test func zshCompletes() throws {
        #expect(try zsh("mesh", "").contains("topics:apply, diff\nup:Start\n"))
        #expect(try zsh("mesh", "topics", "") == "apply:Make the broker match\ndiff:Show what differs\n")
        let up = try zsh("mesh", "up", "X", "--del")
        #expect(up.hasPrefix("at mesh X --del\n"))
        #expect(up.contains("\n*--replicas=[How many]:BOT=N: _mesh_names bots\n"))
        #expect(up.contains("\n--delivery=[Guarantee]:MODE:(exactly-once at-least-once)\n"))
        #expect(up.contains("\n*:BOT: _mesh_names bots\n"))
        #expect(try zsh("mesh", "help", "topics", "").hasPrefix("apply:"))
    }
}
