import FoundationEssentials
import Testing

/// The bot that the documents show is the one that is compiled and tested here.
@Suite struct DocumentedBotTests {
    private static let folder = #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast().joined(separator: "/")
    private static let root = folder + "/../../.."

    private func text(_ path: String) throws -> String { try String(contentsOfFile: path, encoding: .utf8) }

    @Test(arguments: [
        ("README.md", "BranchGuardBot.swift"), ("docs/how-to/write-a-bot-in-swift.md", "BranchGuardBot.swift"),
        ("docs/how-to/write-a-bot-in-swift.md", "BranchGuardBotTests.swift"),
    ]) func aPageShowsTheSource(page: String, source: String) throws {
        let code = try text("\(Self.folder)/\(source)")
        #expect(try text("\(Self.root)/\(page)").contains("```swift\n\(code)```"), "\(page) does not show \(source) as it is")
    }
}
