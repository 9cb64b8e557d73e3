extension CompletionTree {
    /// For zsh 5 with its completion system loaded.
    var zsh: String {
        let name = program.name
        return """
            #compdef \(name)
            # zsh completion of \(name). Keep it as _\(name) in a folder of $fpath
            _\(name)_names() {
                local -a names
                names=(${(f)"$(\(name) completion names $1 2>/dev/null)"})
                compadd -a names
            }
            _\(name)() {
                local at="" i first=2
                [[ ${words[2]} == help ]] && first=3
                for ((i = first; i < CURRENT; i++)); do
                    case "$at ${words[i]}" in
                        \(nodes.filter { !$0.path.isEmpty }.map { "\" \($0.path)\"" }.joined(separator: "|"))) at="$at ${words[i]}" ;;
                        *) break ;;
                    esac
                done
                local -a candidates
                case "${at# }" in
            \(nodes.map(branch).joined(separator: "\n"))
                esac
            }
            if [[ $funcstack[1] == _\(name) ]]; then _\(name) "$@"; else compdef _\(name) \(name); fi

            """
    }

    private func branch(_ node: Node) -> String {
        var text = "        \(quoted(node.path)))\n"
        if !node.words.isEmpty {
            let words = node.words.map { quoted("\($0.0):\($0.1)") }.joined(separator: " ")
            text += "            if ((i == CURRENT)); then candidates=(\(words)); _describe command candidates; fi\n"
        }
        if let command = node.command {
            // What stands before the flags and arguments is no longer of interest.
            text += "            words=(\"${words[1]}\" \"${(@)words[i,-1]}\"); CURRENT=$((CURRENT - i + 2))\n"
            let specifications = flags(of: command).map(specification) + command.arguments.map(specification)
            text += "            _arguments \(specifications.map(quoted).joined(separator: " "))\n"
        }
        return text + "            ;;"
    }

    private func specification(_ flag: Flag) -> String {
        let form = (flag.repeats ? "*" : "") + "--\(flag.name)" + (flag.value == nil ? "" : "=")
        let text = "\(form)[\(escaped(flag.help))]"
        return flag.value.map { "\(text):\(escaped($0)):\(action(kind(of: flag)))" } ?? text
    }

    private func specification(_ argument: Argument) -> String {
        let isMany = argument.arity == .oneOrMore || argument.arity == .zeroOrMore
        return "\(isMany ? "*" : ""):\(escaped(argument.name)):\(action(kind(of: argument)))"
    }

    private func action(_ kind: ValueKind) -> String {
        switch kind {
        case .choices(let choices): "(\(choices.joined(separator: " ")))"
        case .file: "_files"
        case .directory: "_files -/"
        // The space keeps `_arguments` from putting words of its own before the kind.
        case .names(let source): " _\(program.name)_names \(source)"
        case .anything: " "
        }
    }

    /// Without what `_arguments` takes for a mark.
    private func escaped(_ text: String) -> String {
        var result = ""
        for character in text {
            if "[]:\\".contains(character) { result += "\\" }
            result.append(character)
        }
        return result
    }
}
