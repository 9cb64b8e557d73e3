/// Turns a schema into a `SchemaProgram`. Each subschema becomes one node; a `$ref` becomes the number of the node it means.
struct SchemaCompiler {
    private static let mostNodes = 4096
    private static let annotations: Set<String> = [
        "$schema", "$id", "$comment", "$defs", "title", "description", "default", "examples", "deprecated",
    ]

    private let root: JSONValue
    private var nodes: [SchemaNode] = []
    private var definitions: [String: Int] = [:]

    init(root: JSONValue) { self.root = root }

    mutating func compile() throws(JSONSchemaError) -> SchemaProgram {
        // The places of all that a `$ref` can mean are known before anything is compiled, so that definitions may use each other.
        nodes = [SchemaNode()]
        definitions = ["#": 0]
        let named = (root["$defs"]?.object ?? [:]).sorted { $0.key < $1.key }
        for (name, _) in named {
            definitions[pointer("#/$defs", name)] = nodes.count
            nodes.append(SchemaNode())
        }
        nodes[0] = try node(root, at: "")
        for (index, (name, schema)) in named.enumerated() { nodes[index + 1] = try node(schema, at: pointer("/$defs", name)) }
        try refuseCircles()
        return SchemaProgram(nodes)
    }

    /// A `$ref` that leads back to itself without going into the document would never end.
    private func refuseCircles() throws(JSONSchemaError) {
        for start in nodes.indices {
            var current = nodes[start].reference
            var steps = 0
            while let next = current {
                steps += 1
                guard steps <= nodes.count else { throw JSONSchemaError(pointer: "", message: "a $ref leads back to itself") }
                current = nodes[next].reference
            }
        }
    }

    private mutating func add(_ schema: JSONValue, at place: String) throws(JSONSchemaError) -> Int {
        guard nodes.count < Self.mostNodes else { throw JSONSchemaError(pointer: place, message: "more than \(Self.mostNodes) subschemas") }
        let index = nodes.count
        nodes.append(SchemaNode())
        nodes[index] = try node(schema, at: place)
        return index
    }

    private mutating func node(_ schema: JSONValue, at place: String) throws(JSONSchemaError) -> SchemaNode {
        var node = SchemaNode()
        if case .bool(let allowsAll) = schema {
            node.refusesAll = !allowsAll
            return node
        }
        guard let members = schema.object else { throw JSONSchemaError(pointer: place, message: "a schema is an object, true or false") }
        for (keyword, value) in members.sorted(by: { $0.key < $1.key })
        where !Self.annotations.contains(keyword) && !keyword.hasPrefix("x-") {
            try read(keyword, value, at: pointer(place, keyword), into: &node)
        }
        if members["$defs"] != nil, !place.isEmpty {
            throw JSONSchemaError(pointer: pointer(place, "$defs"), message: "$defs are read only at the top of a schema")
        }
        try readRequired(members["required"], at: pointer(place, "required"), into: &node)
        guard node.properties.count <= 64 else { throw JSONSchemaError(pointer: place, message: "more than 64 properties in one object") }
        if case .allowed = node.additional {} else { node.looksIntoObjects = true }
        if !node.properties.isEmpty || node.minimumProperties > 0 || node.maximumProperties < Int.max { node.looksIntoObjects = true }
        return node
    }

    private mutating func read(_ keyword: String, _ value: JSONValue, at place: String, into node: inout SchemaNode) throws(JSONSchemaError)
    {
        switch keyword {
        case "type": node.types = try types(value, at: place)
        case "enum":
            guard let values = value.array, !values.isEmpty else { throw expected("a list of values", at: place) }
            node.allowed = values
        case "const": node.allowed = [value]
        case "$ref":
            guard let target = value.string, let index = definitions[target] else {
                throw expected("# or #/$defs/NAME with a NAME that is defined", at: place)
            }
            node.reference = index
        case "minimum": node.minimum = try bound(value, at: place)
        case "maximum": node.maximum = try bound(value, at: place)
        case "exclusiveMinimum": node.exclusiveMinimum = try bound(value, at: place)
        case "exclusiveMaximum": node.exclusiveMaximum = try bound(value, at: place)
        case "minLength": node.minimumLength = try count(value, at: place)
        case "maxLength": node.maximumLength = try count(value, at: place)
        case "minItems": node.minimumItems = try count(value, at: place)
        case "maxItems": node.maximumItems = try count(value, at: place)
        case "minProperties": node.minimumProperties = try count(value, at: place)
        case "maxProperties": node.maximumProperties = try count(value, at: place)
        case "pattern":
            guard let source = value.string else { throw expected("a string", at: place) }
            do {
                node.pattern = try TextPattern(source)
            } catch {
                throw JSONSchemaError(pointer: place, message: error.message)
            }
        case "format":
            guard let format = value.string.flatMap(TextFormat.init(rawValue:)) else {
                throw expected("one of \(TextFormat.allCases.map(\.rawValue).joined(separator: ", "))", at: place)
            }
            node.format = format
        case "items": node.items = try add(value, at: place)
        case "properties":
            guard let members = value.object else { throw expected("an object", at: place) }
            for (name, schema) in members.sorted(by: { $0.key < $1.key }) {
                node.properties.append(SchemaProperty(name: Array(name.utf8), node: try add(schema, at: pointer(place, name))))
            }
        case "additionalProperties":
            switch value {
            case .bool(true): node.additional = .allowed
            case .bool(false): node.additional = .forbidden
            default: node.additional = .node(try add(value, at: place))
            }
        case "required": break  // read after `properties`
        default:
            throw JSONSchemaError(pointer: place, message: "the keyword \(keyword) is not known here")
        }
    }

    private func readRequired(_ value: JSONValue?, at place: String, into node: inout SchemaNode) throws(JSONSchemaError) {
        guard let value else { return }
        guard let names = value.array else { throw expected("a list of names", at: place) }
        for name in names {
            guard let text = name.string else { throw expected("a list of names", at: place) }
            let bytes = Array(text.utf8)
            if let index = node.properties.firstIndex(where: { $0.name == bytes }) {
                if index < 64 { node.required |= 1 << UInt64(index) }
            } else {
                if node.properties.count < 64 { node.required |= 1 << UInt64(node.properties.count) }
                node.properties.append(SchemaProperty(name: bytes, node: nil))
            }
        }
    }

    private func types(_ value: JSONValue, at place: String) throws(JSONSchemaError) -> JSONTypeSet {
        var set: JSONTypeSet = []
        for name in value.array ?? [value] {
            guard let type = JSONTypeSet.names.first(where: { $0.0 == name.string })?.1 else {
                throw expected("one or a list of \(JSONTypeSet.names.map(\.0).joined(separator: ", "))", at: place)
            }
            set.insert(type)
        }
        guard !set.isEmpty else { throw expected("at least one type", at: place) }
        return set
    }

    private func bound(_ value: JSONValue, at place: String) throws(JSONSchemaError) -> NumberBound {
        guard let number = value.number else { throw expected("a number", at: place) }
        return NumberBound(double: number, integer: value.integer ?? Int64(exactly: number), text: value.jsonText)
    }

    private func count(_ value: JSONValue, at place: String) throws(JSONSchemaError) -> Int {
        guard let number = value.integer, number >= 0 else { throw expected("a whole number, 0 or more", at: place) }
        return Int(number)
    }

    private func expected(_ what: String, at place: String) -> JSONSchemaError {
        JSONSchemaError(pointer: place, message: "expected \(what)")
    }
}
