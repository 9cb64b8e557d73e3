import Envelopes
import Topology

/// The shipped catalogue.
enum Shipped {
    /// The package's root, from where this file lies.
    static let root: String = #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast(3).joined(separator: "/")

    static let catalogue = Result { () throws(CatalogueError) in try CatalogueLoader.load(directory: "\(root)/topics") }
}
