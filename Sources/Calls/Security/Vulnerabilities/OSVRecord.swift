import BotKit
import Envelopes

/// One entry of an OSV database, as far as matching needs it. Source: ossf.github.io/osv-schema, versions 1.0 to 1.7.
struct OSVRecord: Sendable, Equatable {
    struct Event: Sendable, Equatable {
        enum Kind: Sendable { case introduced, fixed, lastAffected, limit }
        let kind: Kind
        let version: String
    }

    struct Affected: Sendable, Equatable {
        let ecosystem: Ecosystem
        /// Normalized for its ecosystem.
        let name: String
        /// Those of type SEMVER and ECOSYSTEM.
        let ranges: [[Event]]
        let versions: Set<String>
        /// nil: the record's.
        let severity: FindingSeverity?
    }

    let id: String
    let aliases: [String]
    let summary: String
    let severity: FindingSeverity
    /// The CVSS v3 vector, where there is one.
    let vector: String?
    let affected: [Affected]

    /// Nil for a record that was withdrawn, has no id, or concerns no ecosystem that is known here.
    init?(_ json: JSONValue) {
        guard let id = json["id"]?.string, !id.isEmpty, id.utf8.count <= 128, json["withdrawn"]?.string == nil else { return nil }
        self.id = id
        aliases = (json["aliases"]?.array ?? []).prefix(32).compactMap(\.string)
        summary = String((json["summary"]?.string ?? json["details"]?.string ?? "").prefix(300))
        let vector = Self.vector(json)
        self.vector = vector
        // A package that was published to do harm has no score, and none is needed.
        severity = id.hasPrefix("MAL-") ? .critical : Self.severity(json, vector) ?? .medium
        let affected = (json["affected"]?.array ?? []).compactMap(Self.affected)
        guard !affected.isEmpty else { return nil }
        self.affected = affected
    }

    private static func vector(_ json: JSONValue) -> String? {
        (json["severity"]?.array ?? []).first { $0["type"]?.string == "CVSS_V3" }?["score"]?.string
    }

    private static func severity(_ json: JSONValue, _ vector: String?) -> FindingSeverity? {
        if let score = vector.flatMap(CVSS.baseScore) { return CVSS.severity(score: score) ?? .low }
        let word = json["database_specific"]?["severity"]?.string ?? json["ecosystem_specific"]?["severity"]?.string
        switch word?.lowercased() {
        case "critical": return .critical
        case "high": return .high
        case "medium", "moderate": return .medium
        case "low": return .low
        default: return nil
        }
    }

    private static func affected(_ json: JSONValue) -> Affected? {
        // `PyPI`, or with a suffix behind a colon, as Linux distributions have it.
        guard let package = json["package"], let place = package["ecosystem"]?.string, let name = package["name"]?.string,
            let ecosystem = Ecosystem(rawValue: String(place.prefix { $0 != ":" }))
        else { return nil }
        let ranges = (json["ranges"]?.array ?? []).compactMap { range -> [Event]? in
            guard let type = range["type"]?.string, type == "SEMVER" || type == "ECOSYSTEM" else { return nil }
            return (range["events"]?.array ?? []).compactMap(event)
        }
        return Affected(
            ecosystem: ecosystem, name: ecosystem.normalized(name), ranges: ranges,
            versions: Set((json["versions"]?.array ?? []).compactMap(\.string)), severity: severity(json, vector(json)))
    }

    private static func event(_ json: JSONValue) -> Event? {
        if let version = json["introduced"]?.string { return Event(kind: .introduced, version: version) }
        if let version = json["fixed"]?.string { return Event(kind: .fixed, version: version) }
        if let version = json["last_affected"]?.string { return Event(kind: .lastAffected, version: version) }
        if let version = json["limit"]?.string { return Event(kind: .limit, version: version) }
        return nil
    }
}

extension OSVRecord.Affected {
    /// Whether the version is affected. Source of the algorithm: the schema's section "Evaluation".
    func contains(_ version: String) -> Bool {
        if versions.contains(version) { return true }
        return switch ecosystem {
        case .python: isInRange(PythonVersion(version), parse: PythonVersion.init)
        case .npm, .cargo, .go: isInRange(SemanticVersion(version), parse: SemanticVersion.init)
        }
    }

    private func isInRange<Version: Comparable>(_ version: Version?, parse: (String) -> Version?) -> Bool {
        guard let version else { return false }
        return ranges.contains { events in
            let limits = events.filter { $0.kind == .limit && $0.version != "*" }.compactMap { parse($0.version) }
            if !limits.isEmpty, !limits.contains(where: { version < $0 }) { return false }
            // `0` stands before every version, development releases of 0 included.
            let ordered = events.compactMap { event -> (OSVRecord.Event, Version?)? in
                if event.kind == .introduced, event.version == "0" { return (event, nil) }
                return parse(event.version).map { (event, $0) }
            }.sorted { left, right in
                guard let rightVersion = right.1 else { return false }
                return left.1.map { $0 < rightVersion } ?? true
            }
            var isAffected = false
            for (event, place) in ordered {
                switch event.kind {
                case .introduced: if place.map({ version >= $0 }) ?? true { isAffected = true }
                case .fixed: if let place, version >= place { isAffected = false }
                case .lastAffected: if let place, version > place { isAffected = false }
                case .limit: break
                }
            }
            return isAffected
        }
    }

    /// The lowest version above `version` that mends it; nil when none is known.
    func fix(for version: String) -> String? {
        switch ecosystem {
        case .python: lowestFix(above: PythonVersion(version), parse: PythonVersion.init)
        case .npm, .cargo, .go: lowestFix(above: SemanticVersion(version), parse: SemanticVersion.init)
        }
    }

    private func lowestFix<Version: Comparable>(above version: Version?, parse: (String) -> Version?) -> String? {
        guard let version else { return nil }
        let fixes = ranges.joined().filter { $0.kind == .fixed }.compactMap { event in parse(event.version).map { (event.version, $0) } }
        return fixes.filter { $0.1 > version }.min { $0.1 < $1.1 }?.0
    }
}
