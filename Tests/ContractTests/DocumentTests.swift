import Envelopes
import FoundationEssentials
import Testing
import Topology

/// Documents that are made from the catalogue are up to date.
@Suite struct DocumentTests {
    @Test func theReferenceOfEventsIsThatOfTheCatalogue() throws {
        let reference = try Shipped.catalogue.get().reference
        let file = URL(fileURLWithPath: "\(Shipped.root)/docs/events.md")
        // To renew it: MESH_RENEW_DOCUMENTS=1 swift test --filter DocumentTests, or mesh topics reference > docs/events.md
        if ProcessInfo.processInfo.environment["MESH_RENEW_DOCUMENTS"] != nil { try Data(reference.utf8).write(to: file) }
        let written = String(decoding: try Data(contentsOf: file), as: UTF8.self)
        #expect(written == reference, "docs/events.md is not what topics/ says; renew it: mesh topics reference > docs/events.md")
    }
}
