import Envelopes
import Terminal
import Topology

extension EventCatalogue {
    /// The catalogue, and in it two types that are like `bench.request` and `bench.response`.
    static func bench(_ directory: String, input: EventType, output: EventType, owner: String) throws -> EventCatalogue {
        var catalogue = try CatalogueLoader.load(directory: directory)
        for (name, like) in [(input, BenchRequest.type), (output, BenchResponse.type)] {
            guard var definition = catalogue[like] else { throw UsageError("the event catalogue has no \(like)") }
            definition.type = name
            definition.owner = owner
            catalogue.add(definition)
        }
        return catalogue
    }
}
