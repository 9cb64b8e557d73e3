import Envelopes

extension EventCatalogue {
    /// `docs/events.md`: every topic with its owner, its layout, and the fields of its payload.
    public var reference: String {
        var lines = [
            "# Events",
            "",
            "Made from `topics/` by `mesh topics reference`; edit those files, not this one. An event's type is the name of its topic.",
            "",
        ]
        let all = definitions.values.sorted { $0.type < $1.type }
        for domain in Dictionary(grouping: all, by: \.type.domain).sorted(by: { $0.key < $1.key }) {
            lines += ["## \(domain.key)", ""]
            lines += ["| type | meaning | produced by | key | partitions | kept |", "|---|---|---|---|---|---|"]
            for definition in domain.value {
                let name = definition.schema == nil ? "`\(definition.type)`" : "[`\(definition.type)`](#\(definition.anchor))"
                lines.append(
                    "| \(name) | \(definition.summary.cell) | \(definition.producersText) | \(definition.keyText) | \(definition.partitions) | \(definition.retentionText) |"
                )
            }
            lines.append("")
            for definition in domain.value { lines += definition.section }
        }
        lines += ["## Topics of each bot", "", "| topic | meaning | partitions | kept |", "|---|---|---|---|"]
        for template in botTopics {
            let definition = template.definition
            let audience = template.isForStatefulOnly ? " Only of bots with a state." : ""
            lines.append(
                "| `\(definition.type)` | \(definition.summary.cell)\(audience) | \(definition.partitions) | \(definition.retentionText) |")
        }
        return lines.joined(separator: "\n") + "\n"
    }
}

extension EventDefinition {
    /// As GitHub makes it from a heading.
    fileprivate var anchor: String { type.name.filter { $0 != "." } }

    fileprivate var producersText: String { producers.contains(Self.anyone) ? "anyone" : ([owner] + producers).joined(separator: ", ") }

    fileprivate var keyText: String { kind == .internal ? key.cell : "`\(key)`" }

    fileprivate var section: [String] {
        guard let schema else { return [] }
        var lines = ["### \(type)", "", "\(summary) Version \(version).", "", "| field | form | meaning |", "|---|---|---|"]
        lines += rows(of: schema.source, fields: fields, at: "", depth: 0)
        if let example = examples.first { lines += ["", "```json", example.payload.jsonText, "```"] }
        return lines + [""]
    }

    private func rows(of object: JSONValue, fields: [String], at path: String, depth: Int) -> [String] {
        let required = Set((object["required"]?.array ?? []).compactMap(\.string))
        return fields.flatMap { name -> [String] in
            guard let property = object["properties"]?[name] else { return [] }
            let target = resolved(property)
            let meaning = property["description"]?.string ?? target["description"]?.string ?? ""
            let item = target["items"].map { resolved($0) }
            let optional = required.contains(name) ? "" : ", optional"
            let row = "| `\(path)\(name)` | \(form(target))\(optional) | \(meaning.cell) |"
            let inner = item ?? target
            guard depth < 3, let members = inner["properties"]?.object else { return [row] }
            let order = (inner["required"]?.array ?? []).compactMap(\.string)
            let names = order + members.keys.filter { !order.contains($0) }.sorted()
            return [row] + rows(of: inner, fields: names, at: "\(path)\(name)\(item == nil ? "" : "[]").", depth: depth + 1)
        }
    }

    private func resolved(_ schema: JSONValue) -> JSONValue {
        guard let reference = schema["$ref"]?.string, let name = reference.split(separator: "/").last else { return schema }
        return self.schema?.source["$defs"]?[String(name)] ?? schema
    }

    /// `string`, `integer ≥ 0`, `critical, warning or info`, `list of string`.
    private func form(_ schema: JSONValue) -> String {
        if let value = schema["const"] { return "`\(value.string ?? value.jsonText)`" }
        if let values = schema["enum"]?.array { return values.map { "`\($0.string ?? $0.jsonText)`" }.joined(separator: ", ") }
        let type = schema["type"]?.string ?? ""
        switch type {
        case "array":
            return
                "list of \(schema["items"].map { form(resolved($0)) } ?? "anything"), at most \(schema["maxItems"]?.jsonText ?? "any number")"
        case "string":
            let format = schema["format"]?.string.map { " (\($0))" } ?? ""
            return "string\(format), at most \(schema["maxLength"]?.jsonText ?? "any number of") characters"
        case "integer", "number":
            switch (schema["minimum"]?.jsonText, schema["maximum"]?.jsonText) {
            case (let low?, let high?): return "\(type), \(low) to \(high)"
            case (let low?, nil): return "\(type), at least \(low)"
            default: return type
            }
        default: return type
        }
    }
}

extension String {
    /// Fit for a cell of a Markdown table.
    fileprivate var cell: String { split(separator: "|", omittingEmptySubsequences: false).joined(separator: "\\|") }
}
