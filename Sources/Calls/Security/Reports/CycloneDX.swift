import BotKit
import Envelopes

/// The bill of materials of an artifact as CycloneDX 1.5 JSON (ECMA-424's predecessor). The same dependencies give the same bytes, so it has no timestamp.
enum CycloneDX {
    static func report(_ result: ScanFindings, repository: String, commit: String, artifact: ArtifactReference) -> JSONValue {
        var seen = Set<String>()
        let components = result.dependencies.filter { seen.insert($0.packageURL).inserted }.sorted { $0.packageURL < $1.packageURL }
        let name = repository.split { $0 == "/" || $0 == ":" }.last.map(String.init) ?? repository
        let subject: JSONValue = [
            "type": "application", "bom-ref": "subject", "name": .string(name.hasSuffix(".git") ? String(name.dropLast(4)) : name),
            "version": .string(commit), "hashes": [["alg": "SHA-256", "content": .string(artifact.sha256)]],
            "properties": [
                ["name": "botmesh:repository", "value": .string(repository)], ["name": "botmesh:artifact", "value": .string(artifact.url)],
            ],
        ]
        return [
            "bomFormat": "CycloneDX",
            "specVersion": "1.5",
            "serialNumber": .string("urn:uuid:\(UUIDv5.derive(["sbom", commit, artifact.sha256]).text)"),
            "version": 1,
            "metadata": ["tools": ["components": [["type": "application", "name": "botmesh SecurityBot"]]], "component": subject],
            "components": .array(components.map(component)),
            "vulnerabilities": .array(vulnerabilities(result.matches)),
        ]
    }

    private static func component(_ dependency: Dependency) -> JSONValue {
        [
            "type": "library", "bom-ref": .string(dependency.packageURL), "name": .string(dependency.name),
            "version": .string(dependency.version), "purl": .string(dependency.packageURL),
        ]
    }

    /// One for each record, with all the components that it affects.
    private static func vulnerabilities(_ matches: [OSVDatabase.Match]) -> [JSONValue] {
        Dictionary(grouping: matches, by: \.record.id).sorted { $0.key < $1.key }.compactMap { id, matches in
            guard let match = matches.first else { return nil }
            var rating: [String: JSONValue] = ["severity": .string(match.severity.rawValue)]
            if let vector = match.record.vector, let score = CVSS.baseScore(vector) {
                rating["score"] = .double(score)
                rating["method"] = vector.hasPrefix("CVSS:3.0") ? "CVSSv3" : "CVSSv31"
                rating["vector"] = .string(vector)
            }
            let affected = Set(matches.map(\.dependency.packageURL)).sorted()
            var entry: [String: JSONValue] = [
                "bom-ref": .string("vulnerability:\(id)"), "id": .string(id),
                "source": ["name": "OSV", "url": .string("https://osv.dev/vulnerability/\(percentEncoded(id))")],
                "ratings": [.object(rating)], "description": .string(match.record.summary),
                "affects": .array(affected.map { ["ref": .string($0)] }),
            ]
            if let fix = match.fix { entry["recommendation"] = .string("Upgrade to \(fix) or later.") }
            return .object(entry)
        }
    }
}
