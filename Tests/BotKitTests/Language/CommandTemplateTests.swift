import BotKit
import Envelopes
import Testing

@Suite struct CommandTemplateTests {
    private let evil = "a b; rm -rf / $(id) `id` \"'"

    private func resolve(_ text: String) throws -> CommandTemplate.Resolved {
        try CommandTemplate(parsing: text).resolve { name in name == "x" || name == "p.q-r" ? .string(evil) : nil }
    }

    @Test func valuesStayOneWord() throws {
        #expect(try resolve("make ${x}").arguments == ["make", evil])
        #expect(try resolve("make 'a ${x}' \"b ${x}\" c${x}d").arguments == ["make", "a \(evil)", "b \(evil)", "c\(evil)d"])
        #expect(try resolve("make ${none}").arguments == ["make", ""])
        #expect(try resolve("echo 'it''s' a\\ b \"\\\"q\\\"\" '' $${x} \n").arguments == ["echo", "its", "a b", "\"q\"", "", "${x}"])
        #expect(try resolve("make").environment.isEmpty)
    }

    @Test func scriptsGetVariables() throws {
        for shell in ["sh -c", "bash -lc", "/bin/sh -e -c", "env A=1 bash -o pipefail -c", "timeout 5 sh -ec"] {
            let resolved = try resolve("\(shell) 'echo \"${x}\" ${p.q-r}' name ${x}")
            #expect(resolved.arguments.suffix(3) == ["echo \"${MESH_VALUE_x}\" ${MESH_VALUE_p_q_r}", "name", evil], "\(shell)")
            #expect(resolved.environment == ["MESH_VALUE_x": evil, "MESH_VALUE_p_q_r": evil])
        }
        #expect(try resolve("sh script.sh ${x}").arguments == ["sh", "script.sh", evil])
    }

    @Test(arguments: [
        ("${x} now", "a command names its program itself"), ("sh ${x}", "what a shell runs"), ("sh -${x} 'id'", "what a shell runs"),
        ("python3 -c 'print(${x})'", "as code"),
        ("ssh host ${x}", "as code"), ("su me -c '${x}'", "as code"), ("", "an empty command"), ("a 'b", "1:3: the quote ' is not closed"),
        ("a && b", "1:3: no shell reads"),
        ("echo $HOME", "no shell reads"), ("a `b`", "no shell reads"), ("a\nb", "one line"), ("a ${b c}", "is no name"),
        ("a \\", "at the end"), ("a ${b", "is not closed"),
    ]) func refused(_ text: String, _ expected: String) {
        #expect {
            try CommandTemplate(parsing: text)
        } throws: { "\($0)".contains(expected) }
    }
}
