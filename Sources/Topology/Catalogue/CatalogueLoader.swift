import Envelopes
import FoundationEssentials

/// Reads the event catalogue: one YAML file a domain, and `shared.yaml` for the parts that schemas share. The format is described in `topics/README.md`.
public enum CatalogueLoader {
    /// One file: the name that messages carry, and its text.
    public struct Source: Sendable {
        public let file: String
        public let bytes: [UInt8]

        public init(file: String, bytes: [UInt8]) {
            self.file = file
            self.bytes = bytes
        }

        /// `build` of `topics/build.yaml`.
        var domain: String {
            let name = file.split(separator: "/").last.map(String.init) ?? file
            return String(name.prefix { $0 != "." })
        }
    }

    /// Reads every `*.yaml` of a directory.
    public static func load(directory: String) throws(CatalogueError) -> EventCatalogue {
        var sources: [Source] = []
        do {
            let names = try FileManager.default.contentsOfDirectory(atPath: directory).filter { $0.hasSuffix(".yaml") }.sorted()
            for name in names {
                let file = "\(directory)/\(name)"
                sources.append(Source(file: file, bytes: Array(try Data(contentsOf: URL(fileURLWithPath: file)))))
            }
        } catch {
            let isMissing = (error as? CocoaError)?.code == .fileReadNoSuchFile
            throw CatalogueError(
                directory, isMissing ? "no such directory; the event catalogue lies in topics/" : "cannot be read: \(error)")
        }
        guard !sources.isEmpty else { throw CatalogueError(directory, "holds no event catalogue: no file ends in .yaml") }
        return try load(sources)
    }

    /// The same over texts. Throws all that is wrong at once.
    public static func load(_ sources: [Source]) throws(CatalogueError) -> EventCatalogue {
        var problems: [YAMLError] = []
        var shared = SharedSchemas()
        var roots: [(source: Source, root: YAMLNode)] = []
        for source in sources {
            let (root, errors) = YAML.read(bytes: source.bytes, file: source.file)
            problems += errors
            guard let root else { continue }
            if source.domain == "shared" { shared = SharedSchemas(root, &problems) } else { roots.append((source, root)) }
        }
        var topics: [EventType: (definition: EventDefinition, position: SourcePosition)] = [:]
        var templates: [EventCatalogue.BotTopic] = []
        for (source, root) in roots {
            var reader = CatalogueFile(domain: source.domain, shared: shared)
            reader.read(root)
            problems += reader.problems
            templates += reader.templates
            for (definition, position) in reader.topics {
                if let first = topics[definition.type] {
                    problems.append(
                        YAMLError(position: position, message: "\(definition.type) is declared twice; first at \(first.position)"))
                }
                topics[definition.type] = (definition, position)
            }
        }
        guard problems.isEmpty else { throw CatalogueError(problems: problems.sorted { $0.position < $1.position }) }
        return EventCatalogue(topics.values.map(\.definition), botTopics: templates)
    }
}

/// All that is wrong with a catalogue, in the order of the files.
public struct CatalogueError: Error, Sendable, Equatable, CustomStringConvertible {
    public let problems: [YAMLError]

    public init(problems: [YAMLError]) { self.problems = problems }

    init(_ file: String, _ message: String) {
        problems = [YAMLError(position: SourcePosition(file: file, line: 1, column: 1), message: message)]
    }

    public var description: String { problems.map(\.description).joined(separator: "\n") }
}
