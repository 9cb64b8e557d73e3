extension CompletionTree {
    /// For fish 3 or later.
    var fish: String {
        let name = program.name
        var text = """
            # fish completion of \(name). Keep it as ~/.config/fish/completions/\(name).fish
            function __\(name)_path
                set -l words (commandline -opc)[2..-1]
                test "$words[1]" = help; and set -e words[1]
                set -l path ''
                for word in $words
                    switch "$path $word"
                        case \(nodes.filter { !$0.path.isEmpty }.map { quoted(" " + $0.path) }.joined(separator: " "))
                            set path "$path $word"
                        case '*'
                            break
                    end
                end
                string trim -- "$path"
            end
            function __\(name)_at
                test (__\(name)_path) = "$argv[1]"
            end
            complete -c \(name) -f

            """
        for node in nodes {
            let condition = "-n \(quoted("__\(name)_at \(quoted(node.path))"))"
            for (word, summary) in node.words { text += "complete -c \(name) \(condition) -a \(word) -d \(quoted(summary))\n" }
            guard let command = node.command else { continue }
            if let argument = command.arguments.first, let action = action(kind(of: argument)) {
                text += "complete -c \(name) \(condition) \(action) -d \(quoted(argument.help))\n"
            }
            for flag in flags(of: command) {
                let value = flag.value == nil ? "" : " -x" + (action(kind(of: flag)).map { " " + $0 } ?? "")
                text += "complete -c \(name) \(condition) -l \(flag.name)\(value) -d \(quoted(flag.help))\n"
            }
        }
        return text
    }

    private func action(_ kind: ValueKind) -> String? {
        switch kind {
        case .choices(let choices): "-a \(quoted(choices.joined(separator: " ")))"
        case .file: "-a '(__fish_complete_path (commandline -ct))'"
        case .directory: "-a '(__fish_complete_directories (commandline -ct))'"
        case .names(let source): "-a '(\(program.name) completion names \(source) 2>/dev/null)'"
        case .anything: nil
        }
    }
}
