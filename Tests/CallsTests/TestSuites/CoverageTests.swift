import MeshTesting
import Testing

@testable import Calls

@Suite("Coverage reports") struct CoverageTests {
    private let lcov =
        "TN:\nSF:shop.py\nFN:1,f\nDA:1,1\nDA:2,0\nDA:3,5,abc=\nLF:3\nLH:2\nend_of_record\nSF:other.py\r\nDA:1,0\r\nend_of_record\n"
    private let cobertura = """
        <?xml version="1.0" ?><!DOCTYPE coverage SYSTEM "http://cobertura.sourceforge.net/xml/coverage-04.dtd">
        <coverage line-rate="0.5" version="6"><packages><package name="p"><classes><class filename="shop.py" name="shop.py">
        <methods><method name="f"><lines><line number="1" hits="0"/></lines></method></methods>
        <lines><line number="1" hits="2"/><line number="2" hits="0"/><line number="4" hits="1"/></lines></class></classes></package></packages></coverage>
        """
    private let llvm = """
        {"data":[{"files":[{"filename":"/a.swift","summary":{"lines":{"count":10,"covered":7,"percent":70}}},{"filename":"/b.swift","summary":{"lines":{"count":10,"covered":0,"percent":0}}}],"totals":{}}],"type":"llvm.coverage.json.export","version":"2.0.1"}
        """

    private func parse(_ text: String) throws -> Coverage { try Coverage(parsing: Array(text.utf8)) }

    @Test("Each format is told by its beginning")
    func formats() throws {
        let tracefile = try parse(lcov)
        #expect((tracefile.coveredLines, tracefile.allLines) == (2, 4))
        #expect(tracefile.percent == 50)
        let xml = try parse(cobertura)
        #expect((xml.coveredLines, xml.allLines) == (2, 3))
        let json = try parse(llvm)
        #expect((json.coveredLines, json.allLines) == (7, 20))
        #expect(try parse("\u{feff}" + cobertura).allLines == 3)
    }

    @Test("Reports of several suites are put together by line")
    func union() throws {
        var all = try parse(lcov)
        all.add(try parse(cobertura))
        // shop.py: 1 2 3 4, of which 1 3 4; other.py: 1.
        #expect((all.coveredLines, all.allLines) == (3, 5))
        all.add(try parse(llvm))
        all.add(try parse(llvm))
        #expect((all.coveredLines, all.allLines) == (10, 25))
    }

    @Test("What is none of them is refused")
    func refusals() {
        for text in [
            "", "   ", "hello", "{}", "{\"data\":[{\"files\":[{\"filename\":\"a\"}]}]}", "<html/>", "<coverage>",
            "SF:a\nDA:x,1\n", "SF:a\nDA:1\n", "DA:1,1\n", "SF:a\nDA:1,many\n",
            "{\"data\":[{\"files\":[{\"filename\":\"a\",\"summary\":{\"lines\":{\"count\":1,\"covered\":2}}}]}]}",
            "<!DOCTYPE coverage [<!ENTITY a \"b\">]><coverage/>",
        ] {
            #expect(throws: Coverage.Problem.self, "\(text)") { try parse(text) }
        }
        #expect(throws: Never.self) { try parse("SF:empty.py\nend_of_record\n") }
        #expect(Coverage().percent == nil)
    }

    @Test("Spoilt reports never trap")
    func fuzz() {
        var random = SeededGenerator(seed: 2)
        for seed in [lcov, cobertura, llvm] {
            for _ in 0..<1500 {
                var bytes = Array(seed.utf8)
                spoil(&bytes, &random)
                do {
                    let coverage = try Coverage(parsing: bytes)
                    #expect(coverage.coveredLines <= coverage.allLines)
                } catch {
                    #expect(!error.description.isEmpty)
                }
            }
        }
    }
}
