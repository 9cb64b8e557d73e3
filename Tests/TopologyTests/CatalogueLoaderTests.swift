import Envelopes
import MeshTesting
import Testing
import Topology

@Suite struct CatalogueLoaderTests {
    private func load(_ files: [String: String]) throws(CatalogueError) -> EventCatalogue {
        try CatalogueLoader.load(
            files.sorted { $0.key < $1.key }.map { CatalogueLoader.Source(file: "topics/\($0.key)", bytes: Array($0.value.utf8)) })
    }

    private func problems(_ files: [String: String]) -> [String] {
        do throws(CatalogueError) {
            _ = try load(files)
            return []
        } catch {
            return error.problems.map(\.description)
        }
    }

    @Test func aTopicTakesTheDefaultsOfItsFile() throws {
        let catalogue = try load([
            "build.yaml": """
            owner: BuildBot
            producers: [mesh]
            partitions: 4
            retention: 12h
            topics:
              build.started: { summary: A build began., key: repository }
              build.done: { summary: Over., key: run, partitions: 2, retention: forever, producers: [anyone], owner: OtherBot, max_bytes: 2MiB, version: 3 }
              build.last: { summary: The last., key: run, cleanup: "compact,delete", kind: internal }
            """
        ])
        let started = try #require(catalogue["build.started"])
        #expect(started.owner == "BuildBot")
        #expect(started.producers == ["mesh"])
        #expect(started.partitions == 4)
        #expect(started.retention == .seconds(43_200))
        #expect(started.maximumBytes == 1 << 20)
        #expect(started.cleanup == .delete)
        #expect(started.schema == nil)
        let done = try #require(catalogue["build.done"])
        #expect(done.owner == "OtherBot")
        #expect(done.retention == nil)
        #expect(done.maximumBytes == 2 << 20)
        #expect(done.version == 3)
        #expect(done.mayBeProduced(byBot: "Whoever"))
        #expect(!started.mayBeProduced(byBot: "Whoever"))
        #expect(started.mayBeProduced(byBot: "BuildBot"))
        #expect(catalogue["build.last"]?.cleanup == .compactAndDelete)
        #expect(catalogue.types == ["build.done", "build.started"])
    }

    @Test func aSchemaBringsTheSharedPartsThatItNeedsAndNoOthers() throws {
        let catalogue = try load([
            "shared.yaml": """
            $defs:
              id: { type: string, maxLength: 8 }
              part: { type: object, properties: { id: { $ref: "#/$defs/id" } } }
              other: { type: integer }
            """,
            "build.yaml": """
            owner: BuildBot
            topics:
              build.started:
                summary: A build began.
                key: name
                schema: { type: object, required: [name], properties: { part: { $ref: "#/$defs/part" }, name: { type: string, maxLength: 4 } } }
                examples: [ { name: one, payload: { name: a } }, { name: two, older: true, payload: { name: b } } ]
            """,
        ])
        let started = try #require(catalogue["build.started"])
        #expect(started.schema?.source["$defs"]?.object?.keys.sorted() == ["id", "part"])
        #expect(started.fields == ["part", "name"])
        #expect(started.examples.map(\.name) == ["one", "two"])
        #expect(started.examples.map(\.isOlder) == [false, true])
    }

    @Test func templatesGiveEachBotItsTopics() throws {
        let catalogue = try load([
            "mesh.yaml": """
            owner: mesh
            templates:
              retry.<bot>: { summary: Waits., key: any, partitions: 3 }
              inbox.<bot>: { summary: Inputs., key: any, for: stateful }
            """
        ])
        #expect(catalogue.topics(ofBot: "BuildBot", isStateful: false).map(\.type) == ["retry.buildbot"])
        let all = catalogue.topics(ofBot: "DeployBot", isStateful: true)
        #expect(all.map(\.type) == ["retry.deploybot", "inbox.deploybot"])
        #expect(all.allSatisfy { $0.owner == "DeployBot" && $0.kind == .internal })
        #expect(all[0].partitions == 3)
    }

    @Test func everyMistakeIsSaidAtOnceWithItsPlaceAndTheNearestName() {
        let found = problems([
            "build.yaml": """
            ownr: BuildBot
            partitions: 0
            retention: 5 weeks
            topics:
              build.started: { summary: A build began., key: repo, cleanup: compacted, producer: [x] }
              test.started: { summary: A test began., key: repository, owner: TestBot }
              build.odd: []
              build.late: { summary: Late., key: k, owner: B, cleanup: compact, retention: 3d, max_bytes: 1GiB, kind: evnt, producers: all, version: one }
            """
        ])
        #expect(
            found == [
                "topics/build.yaml:1:1: a file of the catalogue has no key 'ownr'; did you mean 'owner'?",
                "topics/build.yaml:2:13: partitions is the number 0, expected a whole number from 1 to 1000",
                "topics/build.yaml:3:12: retention is '5 weeks', expected a number and s, m, h or d, e.g. 30d, or 'forever'",
                "topics/build.yaml:5:3: build.started has no owner, and the file names none",
                "topics/build.yaml:5:65: cleanup is 'compacted', expected one of delete, compact, compact,delete; did you mean 'compact'?",
                "topics/build.yaml:5:76: a topic has no key 'producer'; did you mean 'producers'?",
                "topics/build.yaml:6:3: 'test.started' belongs into test.yaml: a file holds the topics of its own domain, 'build.…'",
                "topics/build.yaml:7:3: build.odd has no summary",
                "topics/build.yaml:7:3: build.odd has no key",
                "topics/build.yaml:7:3: build.odd has no owner, and the file names none",
                "topics/build.yaml:7:14: a topic is a list, expected a mapping",
                "topics/build.yaml:8:80: retention has no effect on a topic that is only compacted; say 'cleanup: compact,delete' or leave it out",
                "topics/build.yaml:8:95: max_bytes is '1GiB', expected a size from 1KiB to 64MiB, e.g. 1MiB",
                "topics/build.yaml:8:107: kind is 'evnt', expected one of event, log, internal; did you mean 'event'?",
                "topics/build.yaml:8:124: producers is a string, expected a list of names",
                "topics/build.yaml:8:138: version is a string, expected a whole number from 1 to 10000",
            ])
    }

    @Test func aSchemaIsCheckedWhole() {
        let found = problems([
            "shared.yaml": "$defs: { commit: { type: string, maxLength: 64 } }",
            "build.yaml": """
            owner: BuildBot
            topics:
              build.started:
                summary: A build began.
                key: repositry
                schema:
                  type: object
                  required: [repo, commit]
                  properties:
                    repository: { type: string }
                    commit: { $ref: "#/$defs/comit" }
                    list: { type: array, item: { type: strin } }
                    count: { type: integer, minimum: few }
              build.done:
                summary: Over.
                key: a
                schema: { type: array, maxItems: 3, items: { type: integer } }
                examples: []
            """,
        ])
        #expect(
            found == [
                "topics/build.yaml:3:3: build.started has a schema but no example",
                "topics/build.yaml:5:10: key: the payload has no field 'repositry'; did you mean 'repository'?",
                "topics/build.yaml:8:18: required names 'repo', which is no property; did you mean 'repository'?",
                "topics/build.yaml:10:21: a string needs maxLength, enum or const",
                "topics/build.yaml:11:25: '#/$defs/comit' leads nowhere: shared.yaml has no such entry under $defs; did you mean '#/$defs/commit'?",
                "topics/build.yaml:12:15: an array needs maxItems",
                "topics/build.yaml:12:15: an array needs items",
                "topics/build.yaml:12:30: a schema of the catalogue has no keyword 'item'; did you mean 'items'?",
                "topics/build.yaml:13:42: minimum is a string, which it cannot be",
                "topics/build.yaml:16:10: key: the payload has no field 'a'",
                "topics/build.yaml:17:13: a payload is an object: the schema needs 'type: object'",
                "topics/build.yaml:18:15: examples is a list, expected a list with at least one example",
            ])
    }

    @Test func aTypeMayBeDeclaredOnce() {
        let found = problems([
            "a/build.yaml": "owner: A\ntopics: { build.x: { summary: s, key: k } }",
            "b/build.yaml": "owner: B\ntopics: { build.x: { summary: s, key: k } }",
        ])
        #expect(found == ["topics/b/build.yaml:2:11: build.x is declared twice; first at topics/a/build.yaml:2:11"])
    }

    @Test func whatIsNoYAMLHasAPlaceToo() {
        let found = problems(["build.yaml": "topics: [", "test.yaml": "owner: T\nowner: U"])
        #expect(found.count == 2)
        #expect(found.first?.hasPrefix("topics/build.yaml:") == true)
        #expect(found.last == "topics/test.yaml:2:1: the key 'owner' stands twice; the first is in line 1")
    }

    @Test func aDirectoryThatIsNotThereIsNamed() {
        #expect(throws: CatalogueError.self) { try CatalogueLoader.load(directory: "/nonexistent/topics") }
    }

    /// Whatever the bytes, the loader answers.
    @Test func noInputBreaksIt() throws {
        let valid = Array(
            """
            owner: BuildBot
            topics:
              build.started:
                summary: A build began.
                key: a/b
                schema: { type: object, required: [a], properties: { a: { type: string, maxLength: 3 }, b: { type: array, maxItems: 2, items: { type: integer } } } }
                examples: [ { name: x, payload: { a: b, b: [1] } } ]
            templates: { "retry.<bot>": { summary: s, key: k, for: stateful } }
            """.utf8)
        var random = SeededGenerator(seed: 11)
        let pieces = [
            "{", "}", "[", "]", ":", "- ", "\n", "~", "topics", "schema", "$ref", "&a", "*a", "9999999999999999999", "'", "\"", "\t",
        ].map { Array($0.utf8) }
        for _ in 0..<1500 {
            var bytes = valid
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                let place = Int.random(in: 0..<bytes.count, using: &random)
                switch Int.random(in: 0..<3, using: &random) {
                case 0: bytes.remove(at: place)
                case 1: bytes[place] = UInt8.random(in: 0...255, using: &random)
                default: bytes.insert(contentsOf: pieces.randomElement(using: &random) ?? [], at: place)
                }
            }
            do throws(CatalogueError) {
                _ = try CatalogueLoader.load([CatalogueLoader.Source(file: "build.yaml", bytes: bytes)])
            } catch {
                #expect(!error.problems.isEmpty)
            }
        }
    }
}
