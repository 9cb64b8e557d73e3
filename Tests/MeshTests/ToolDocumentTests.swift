import FoundationEssentials
import Terminal
import Testing

@testable import mesh

/// What is made from the definitions of `mesh`'s commands.
@Suite struct ToolDocumentTests {
    private static var root: String { folder(of: folder(of: folder(of: #filePath))) }

    @Test func theReferenceIsThatOfTheDefinitions() throws {
        let reference = Mesh.program.reference(renewal: ToolCommands.renewal)
        let file = URL(filePath: Self.root + "/docs/mesh.md")
        if ProcessInfo.processInfo.environment["MESH_RENEW_DOCUMENTS"] != nil { try Data(reference.utf8).write(to: file) }
        let written = String(decoding: try Data(contentsOf: file), as: UTF8.self)
        #expect(written == reference, "docs/mesh.md is not what the commands say; renew it: \(ToolCommands.renewal)")
    }

    @Test func everyCommandBelongsToAGroup() {
        let help = Mesh.program.fullHelp()
        #expect(!help.contains("\nOthers\n"), "name the new command in Mesh.groups")
        for command in Mesh.program.commands { #expect(help.contains("\n  \(command.name)  "), "\(command.name) is missing in the help") }
    }

    @Test func theHelpFitsATerminal() {
        let lines = Mesh.program.help(width: 80).split(separator: "\n", omittingEmptySubsequences: false)
        #expect(lines.count <= 32)
        #expect(lines.allSatisfy { $0.count <= 80 })
    }

    @Test func definitionsAreSound() {
        for command in Mesh.program.commands {
            #expect(!command.summary.isEmpty && !command.summary.hasSuffix("."), "\(command.name): one line, without a full stop")
            let flags = command.flags + Mesh.program.commonFlags
            #expect(Set(flags.map(\.name)).count == flags.count, "\(command.name) has a flag twice")
            #expect(!flags.contains { $0.name == "help" }, "\(command.name): --help is everybody's")
            for flag in flags {
                #expect(!flag.help.isEmpty && !flag.help.hasSuffix("."), "\(command.name) --\(flag.name)")
                if let value = flag.defaultValue { #expect(flag.choices.isEmpty || flag.choices.contains(value)) }
                let isSwitch = flag.choices.isEmpty && flag.defaultValue == nil
                #expect(flag.value != nil || isSwitch, "\(command.name) --\(flag.name) takes no value")
            }
            let printsJSON = command.flags.contains { $0.name == "format" && $0.choices.contains("json") }
            #expect(printsJSON != command.json.isEmpty, "\(command.name): the names of its JSON are documented")
            let more = command.arguments.dropLast().contains { $0.arity != .one }
            #expect(!more || command.arguments.dropLast().allSatisfy { $0.arity == .one || $0.arity == .optional }, "\(command.name)")
        }
        #expect(Set(Mesh.program.commands.map(\.name)).count == Mesh.program.commands.count)
    }
}
