extension CompletionTree {
    /// For bash 4.4 or later, with or without the package bash-completion.
    var bash: String {
        let name = program.name
        return """
            # bash completion of \(name). Try it: source <(\(name) completion bash)
            _\(name)() {
                local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} path="" first=1 i
                COMPREPLY=()
                # Bash takes the '=' of --flag=value for a word.
                if [[ $cur == "=" ]]; then
                    cur=""
                elif [[ $prev == "=" ]]; then
                    prev=${COMP_WORDS[COMP_CWORD - 2]}
                fi
                [[ ${COMP_WORDS[1]} == help ]] && first=2
                for ((i = first; i < COMP_CWORD; i++)); do
                    case "$path ${COMP_WORDS[i]}" in
                        \(patterns)) path="$path ${COMP_WORDS[i]}" ;;
                        *) break ;;
                    esac
                done
                path=${path# }
                case "$path $prev" in
            \(lines(values))
                esac
                if [[ $cur == -* ]]; then
                    case "$path" in
            \(lines(flagLists))
                    esac
                    return
                fi
                if ((i < COMP_CWORD)) && [[ ${COMP_WORDS[i]} != -* ]] || [[ $path != "" ]]; then
                    case "$path" in
            \(lines(argumentLists))
                    esac
                fi
                ((i < COMP_CWORD)) && return
                case "$path" in
            \(lines(wordLists))
                esac
            }
            _\(name)_reply() { COMPREPLY+=($(compgen -W "$1" -- "$cur")); }
            _\(name)_files() { local IFS=$'\\n'; compopt -o filenames 2>/dev/null; COMPREPLY+=($(compgen -f -- "$cur")); }
            _\(name)_directories() { local IFS=$'\\n'; compopt -o filenames 2>/dev/null; COMPREPLY+=($(compgen -d -- "$cur")); }
            _\(name)_names() { _\(name)_reply "$("${COMP_WORDS[0]}" completion names "$1" 2>/dev/null)"; }
            complete -F _\(name) \(name)

            """
    }

    private var patterns: String {
        nodes.filter { !$0.path.isEmpty }.map { "\" \($0.path)\"" }.joined(separator: " | ")
    }

    /// A flag's value is completed by what the flag takes, and by nothing else.
    private var values: [String] {
        nodes.flatMap { node -> [String] in
            guard let command = node.command else { return [] }
            return flags(of: command).filter { $0.value != nil }.map { flag in
                "        \"\(node.path) --\(flag.name)\")\(action(kind(of: flag))) return ;;"
            }
        }
    }

    private var flagLists: [String] {
        nodes.compactMap { node in
            node.command.map { command in
                "            \"\(node.path)\") _\(program.name)_reply \"\(flags(of: command).map { "--\($0.name)" }.joined(separator: " "))\" ;;"
            }
        }
    }

    private var argumentLists: [String] {
        nodes.compactMap { node in
            guard let argument = node.command?.arguments.first, kind(of: argument) != .anything else { return nil }
            return "            \"\(node.path)\")\(action(kind(of: argument))) ;;"
        }
    }

    private var wordLists: [String] {
        nodes.filter { !$0.words.isEmpty }.map { node in
            "        \"\(node.path)\") _\(program.name)_reply \"\(node.words.map(\.0).joined(separator: " "))\" ;;"
        }
    }

    private func action(_ kind: ValueKind) -> String {
        switch kind {
        case .choices(let choices): " _\(program.name)_reply \"\(choices.joined(separator: " "))\";"
        case .file: " _\(program.name)_files;"
        case .directory: " _\(program.name)_directories;"
        case .names(let source): " _\(program.name)_names \(source);"
        case .anything: ""
        }
    }

    private func lines(_ lines: [String]) -> String { lines.joined(separator: "\n") }
}
