import MeshTesting
import Testing

@testable import Calls

@Suite("JUnit reports") struct JUnitReportTests {
    private func parse(_ text: String) throws -> JUnitReport { try JUnitReport(parsing: Array(text.utf8)) }

    @Test("What pytest writes")
    func pytest() throws {
        let report = try parse(
            """
            <?xml version="1.0" encoding="utf-8"?><testsuites><testsuite name="pytest" errors="0" failures="1" skipped="1" tests="4" time="0.041" timestamp="2024-05-01T10:00:00" hostname="h">
            <testcase classname="tests.test_shop" name="test_total" time="0.001" />
            <testcase classname="tests.test_shop" name="test_bad[a &lt; b]" time="0.002"><failure message="assert 1 == 2">def test_bad():
            &gt;   assert 1 == 2</failure></testcase>
            <testcase classname="tests.test_shop" name="test_later" time="0.000"><skipped type="pytest.skip" message="not now">x</skipped></testcase>
            <testcase classname="" name="tests.test_broken" time="0"><error message="collection failure"><![CDATA[ImportError: no]]></error></testcase>
            </testsuite></testsuites>
            """)
        #expect(report.cases.map(\.status) == [.passed, .failed, .skipped, .failed])
        #expect(report.cases[1].name == "test_bad[a < b]")
        #expect(report.cases[1].message == "assert 1 == 2\ndef test_bad():\n>   assert 1 == 2")
        #expect(report.cases[1].fullName == "tests.test_shop.test_bad[a < b]")
        #expect(report.cases[3].message == "collection failure\nImportError: no")
        #expect(report.cases[3].fullName == "tests.test_broken")
    }

    @Test("What Surefire writes, with a test that it ran again itself; a testsuite as root; times with commas")
    func surefire() throws {
        let report = try parse(
            """
            <testsuite name="org.x.ShopTest" time="1,204.5" tests="2"><properties><property name="a" value="b"/></properties>
            <testcase name="flaky" classname="org.x.ShopTest" time="1,204.5"><flakyFailure message="once"><stackTrace>at x</stackTrace></flakyFailure></testcase>
            <testcase name="ok" classname="org.x.ShopTest"/><system-out>noise</system-out></testsuite>
            """)
        #expect(report.cases.map(\.isFlaky) == [true, false])
        #expect(report.cases[0].status == .passed && report.cases[0].seconds == 1204.5)
    }

    @Test("What swift test writes")
    func swift() throws {
        let report = try parse(
            """
            <?xml version="1.0" encoding="UTF-8"?>

            <testsuites>
              <testsuite name="TestResults" errors="0" tests="1" failures="1" skipped="0" time="0.1">
                <testcase classname="ShopTests.Cart" name="empty()" time="0.01">
                  <failure message="Expectation failed: 1 == 2"></failure>
                </testcase>
              </testsuite>
            </testsuites>
            """)
        #expect(
            report.cases == [
                .init(className: "ShopTests.Cart", name: "empty()", status: .failed, message: "Expectation failed: 1 == 2", seconds: 0.01)
            ])
    }

    @Test("An entity bomb, and every other declaration, is refused at once")
    func bombs() {
        let bomb = """
            <?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY lol "lol"><!ENTITY lol2 "&lol;&lol;&lol;&lol;&lol;&lol;&lol;&lol;&lol;&lol;">
            <!ENTITY lol3 "&lol2;&lol2;&lol2;&lol2;&lol2;&lol2;&lol2;&lol2;&lol2;&lol2;">]><testsuites><testsuite name="&lol3;"/></testsuites>
            """
        for text in [bomb, "<!DOCTYPE x [<!ENTITY e SYSTEM 'file:///etc/passwd'>]><testsuite>&e;</testsuite>"] {
            #expect(throws: JUnitReport.Problem.self) { try parse(text) }
        }
        let deep = String(repeating: "<testsuite>", count: 100) + String(repeating: "</testsuite>", count: 100)
        #expect(throws: JUnitReport.Problem(description: "line 1: more than 64 levels")) { try parse(deep) }
        for text in ["", "nothing", "<html/>", "<testsuite>", "<testsuite></testsuites>", "<a/><b/>"] {
            #expect(throws: JUnitReport.Problem.self, "\(text)") { try parse(text) }
        }
    }

    @Test("What is written reads back the same")
    func roundTrip() throws {
        let cases: [JUnitReport.Case] = [
            .init(className: "a<b>", name: "x \"y\" & z", status: .failed, message: "line 1\nline <2>\ttab", seconds: 0.5),
            .init(className: "", name: "skipped", status: .skipped),
            .init(className: "c", name: "flaky", status: .passed, message: "once", isFlaky: true),
            .init(className: "c", name: "ü", status: .passed),
        ]
        let xml = JUnitReport.xml([("unit", cases)])
        #expect(try parse(xml).cases == cases)
        #expect(
            try parse(JUnitReport.xml([("control", [.init(className: "\u{1}", name: "\u{0}\u{ffff}", status: .passed)])])).cases.count == 1)
    }

    @Test("Messages and names are cut")
    func long() throws {
        let long = String(repeating: "ä", count: 100_000)
        let report = try parse(
            "<testsuite><testcase name=\"\(long)\"><failure message=\"\(long)\">\(long)</failure></testcase></testsuite>")
        #expect(report.cases[0].name.utf8.count <= JUnitReport.maximumTextBytes + 3)
        #expect(report.cases[0].message.utf8.count <= JUnitReport.maximumTextBytes + 3)
    }

    @Test("Spoilt reports never trap")
    func fuzz() {
        let seed = Array(
            """
            <?xml version="1.0"?><testsuites><testsuite name="s" time="1"><testcase classname="c" name="n" time="0.1"><failure message="m">t&amp;<![CDATA[x]]></failure></testcase><testcase name="k"><skipped/></testcase></testsuite></testsuites>
            """.utf8)
        var random = SeededGenerator(seed: 1)
        for _ in 0..<4000 {
            var bytes = seed
            spoil(&bytes, &random)
            do {
                _ = try JUnitReport(parsing: bytes)
            } catch {
                #expect(!error.description.isEmpty)
            }
        }
    }
}

/// Some random changes: bytes flipped, cut out, doubled, put elsewhere.
func spoil(_ bytes: inout [UInt8], _ random: inout SeededGenerator) {
    for _ in 0..<Int.random(in: 1...6, using: &random) where !bytes.isEmpty {
        let start = Int.random(in: 0..<bytes.count, using: &random)
        let end = min(bytes.count, start + Int.random(in: 1...20, using: &random))
        switch Int.random(in: 0..<4, using: &random) {
        case 0: bytes[start] = UInt8.random(in: 0...255, using: &random)
        case 1: bytes.removeSubrange(start..<end)
        case 2: bytes.insert(contentsOf: Array(bytes[start..<end]), at: Int.random(in: 0...bytes.count, using: &random))
        default: bytes.insert(UInt8.random(in: 0...255, using: &random), at: start)
        }
    }
}
