import Testing

@testable import Terminal

@Suite struct DocumentationTests {
    static let hard = Program(
        name: "mesh", version: "1", summary: "The operator's tool",
        commands: [
            Command(
                "tail", summary: "Show records live",
                discussion: """
                    .Reads many topics; \\backslash and 'quotes' and "more" – all of it stays.
                    A second line of the same paragraph.

                    Another paragraph:
                      mesh tail 'build.*' --where "payload.x == 1"
                      .dot at the beginning
                    """,
                arguments: [Argument("TOPIC", .oneOrMore, help: "a pattern such as build.*|test.*")],
                flags: [Flag("from", value: "PLACE", environment: "MESH_FROM", default: "end", help: ".where <to> begin_here")],
                run: { _ in 0 }),
            Command("ps", summary: "Show instances", run: { _ in 0 }),
            Command("ps all", summary: "Show all of them", run: { _ in 0 }), Command("dlq list", summary: "List", run: { _ in 0 }),
            Command("dlq show", summary: "Show", run: { _ in 0 }),
        ],
        commonFlags: [Flag("brokers", value: "HOST:PORT,…", help: "Kafka")],
        groups: [CommandGroup("See", ["ps", "tail", "top"]), CommandGroup("Empty", ["nothing"])],
        exitStatuses: [(0, "all is well"), (3, "no broker")])

    @Test func aParagraphIsWrappedAsAWholeAndExamplesStayAsTheyAre() {
        let text = "One two\nthree four\nfive.\n\nSix:\n  mesh x   y\nseven"
        #expect(
            Program.discussion(text, 16) == ["One two three", "four five.", "", "Six:", "  mesh x   y", "seven"])
    }

    @Test func helpIsGroupedAndFitsTheWidth() {
        #expect(
            Self.hard.help(width: 60) == """
                The operator's tool

                usage: mesh COMMAND [FLAG …]

                  See     ps, tail
                  Others  dlq list|show

                  --brokers HOST:PORT,…  Kafka

                mesh help COMMAND explains one of them; mesh help all says
                in a line what each does.

                """)
        #expect(Self.hard.fullHelp().contains("See\n  ps      Show instances\n  ps all  Show all of them\n  tail    Show records live\n"))
        let text = Self.hard.help(for: Self.hard.commands[0], width: 50)
        #expect(text.contains("\n  mesh tail 'build.*' --where \"payload.x == 1\"\n"))
        #expect(text.contains("\n  --from PLACE  .where <to> begin_here [default:\n                end] [environment: MESH_FROM]\n"))
    }

    @Test func aFamilyIsExplained() throws {
        func printed(_ words: String...) throws -> String {
            guard case .print(let text) = try Self.hard.parse(words, environment: [:]) else { return "" }
            return text
        }
        #expect(try printed("help", "dlq").contains("  dlq list  List\n  dlq show  Show\n"))
        #expect(try printed("dlq", "--help") == printed("help", "dlq"))
        #expect(try printed("help", "all") == Self.hard.fullHelp())
        // A command that is also the beginning of others is explained itself, and names those.
        #expect(try printed("ps", "--help").hasPrefix("Show instances\n\nusage: mesh ps [FLAG …]\n"))
        #expect(try printed("ps", "--help").hasSuffix("\n  mesh ps all  Show all of them\n"))
        #expect(throws: UsageError("mesh dlq needs one of: list, show")) { try printed("dlq") }
    }

    /// `man` itself judges the pages: it warns of what troff does not understand, and its text has every word.
    @Test func manualPagesAreUnderstood() throws {
        let page = Self.hard.manPage(of: Self.hard.commands[0])
        let shown = try Shells.run("man --warnings -E UTF-8 -P cat -l", page).replacing(/.\u{8}/, with: "")
        #expect(!shown.contains("warning"), "\(shown)")
        let words = shown.split(whereSeparator: \.isWhitespace).joined(separator: " ")
        for expected in [
            #".Reads many topics; \backslash and 'quotes' and "more" – all of it stays."#, "mesh tail 'build.*' --where",
            ".dot at the beginning", "--from PLACE .where <to> begin_here", "MESH_FROM the value of --from", "3 no broker",
            "mesh-tail - Show",
        ] {
            #expect(words.contains(expected), "\(expected) is missing in \(shown)")
        }
        let whole = try Shells.run("man --warnings -E UTF-8 -P cat -l", Self.hard.manPage).replacing(/.\u{8}/, with: "")
        #expect(!whole.contains("warning") && whole.contains("mesh-dlq-show(1)"))
    }

    @Test func theReferenceHasASectionForEachCommand() {
        let page = Self.hard.reference(renewal: "mesh docs > docs/mesh.md")
        #expect(
            page.contains(
                "- See: [`ps`](#mesh-ps), [`ps all`](#mesh-ps-all), [`tail`](#mesh-tail)\n- Others: [`dlq list`](#mesh-dlq-list), "))
        #expect(page.contains("\n### `mesh tail`\n\nShow records live.\n\n```text\nmesh tail TOPIC… [FLAG …]\n```\n"))
        #expect(page.contains("```text\nmesh tail 'build.*' --where \"payload.x == 1\"\n.dot at the beginning\n```\n"))
        #expect(page.contains("| `TOPIC…` | a pattern such as build.\\*\\|test.\\* |\n"))
        #expect(page.contains("| `--from PLACE` | .where \\<to> begin_here [default: end] [environment: MESH_FROM] |\n"))
        #expect(page.contains("| 3 | no broker |\n"))
    }

    @Test func paragraphsAndExamplesAreToldApart() {
        #expect(
            Passage.passages(of: "a\nb\n\nc\n  d\n    e\n\n  f") == [
                .paragraph(["a", "b"]), .paragraph(["c"]), .example(["d", "  e"]), .example(["f"]),
            ])
        #expect(Passage.passages(of: "").isEmpty)
        #expect("".wrapped(to: 5) == [""])
        #expect("a bb ccc dddddddd".wrapped(to: 4) == ["a bb", "ccc", "dddddddd"])
    }

    @Test func flagsOfEveryCommandMayStandBeforeIt() throws {
        func run(_ words: String...) throws -> Invocation {
            guard case .run(let invocation) = try Self.hard.parse(words, environment: [:]) else { throw UsageError("printed") }
            return invocation
        }
        #expect(try run("--brokers", "a:1", "ps")["brokers"] == "a:1")
        #expect(try run("--brokers=a:1", "dlq", "list")["brokers"] == "a:1")
        let tail = try run("--brokers=a:1", "tail", "x", "--", "--y")
        #expect(tail.arguments == ["x", "--y"] && tail["brokers"] == "a:1")
        #expect(throws: UsageError("mesh has no command '--from'. Try: mesh --help")) { try run("--from", "end", "tail") }
        #expect(throws: UsageError.self) { try run("--brokers") }
    }
}
