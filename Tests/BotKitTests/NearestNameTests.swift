import Testing

@testable import BotKit

@Suite struct NearestNameTests {
    @Test(
        arguments: [
            ("BuidlBot", "BuildBot"), ("buildbot", "BuildBot"), ("Test", "TestBot"), ("on_sucess", "on_success"), ("xyzzy", nil), ("", nil),
        ] as [(String, String?)]) func nearest(word: String, expected: String?)
    {
        #expect(NearestName.of(word, in: ["BuildBot", "TestBot", "on_success", "on_failure"]) == expected)
    }
}
