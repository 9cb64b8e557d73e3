/// Makes nodes out of events: resolves aliases and scalars, and finds keys that stand twice.
struct YAMLComposer: ~Copyable {
    private struct Anchored {
        let node: YAMLNode
        /// How many nodes it is, itself included.
        let size: Int
    }

    private var events: YAMLEvents
    private let file: String
    private var anchors: [String: Anchored] = [:]
    private var nodes = 0
    /// What was wrong without making the rest unreadable.
    private(set) var errors: [YAMLError] = []

    init(_ events: consuming YAMLEvents, file: String) {
        self.events = events
        self.file = file
    }

    mutating func document() throws(YAMLError) -> YAMLNode {
        var root: YAMLNode?
        while true {
            let (event, position) = try events.next()
            switch event {
            case .streamStart, .documentEnd: continue
            case .streamEnd: return root ?? .null(file: file)
            case .documentStart:
                guard root == nil else { throw YAMLError(position: position, message: "a second document; one file holds one document") }
                let (first, firstPosition) = try events.next()
                root = try node(first, firstPosition, depth: 0)
            default: throw YAMLError(position: position, message: "not YAML")
            }
        }
    }

    private mutating func node(_ event: YAMLEvents.Event, _ position: SourcePosition, depth: Int) throws(YAMLError) -> YAMLNode {
        guard depth <= YAML.maximumDepth else {
            throw YAMLError(position: position, message: "nested deeper than \(YAML.maximumDepth) levels")
        }
        let before = nodes
        try count(1, at: position)
        switch event {
        case .alias(let name):
            guard let anchored = anchors[name] else {
                throw YAMLError(position: position, message: "the alias *\(name) has no anchor &\(name) before it")
            }
            try count(anchored.size - 1, at: position)
            guard depth + anchored.node.depth <= YAML.maximumDepth else {
                throw YAMLError(position: position, message: "nested deeper than \(YAML.maximumDepth) levels")
            }
            return YAMLNode(anchored.node.content, at: position)
        case .scalar(let text, let style, let tag, let anchor):
            let node = YAMLNode(.scalar(scalar(text, style, tag, position)), at: position)
            remember(node, anchor, size: 1)
            return node
        case .sequenceStart(let tag, let anchor):
            check(tag, is: "seq", position)
            var items: [YAMLNode] = []
            while true {
                let (event, position) = try events.next()
                if case .sequenceEnd = event { break }
                items.append(try node(event, position, depth: depth + 1))
            }
            let node = YAMLNode(.sequence(items), at: position)
            remember(node, anchor, size: nodes - before)
            return node
        case .mappingStart(let tag, let anchor):
            check(tag, is: "map", position)
            let node = YAMLNode(.mapping(try pairs(depth: depth)), at: position)
            remember(node, anchor, size: nodes - before)
            return node
        default: throw YAMLError(position: position, message: "not YAML")
        }
    }

    private mutating func pairs(depth: Int) throws(YAMLError) -> [YAMLPair] {
        var pairs: [YAMLPair] = []
        var seen: [String: SourcePosition] = [:]
        while true {
            let (event, position) = try events.next()
            if case .mappingEnd = event { return pairs }
            let key = try node(event, position, depth: depth + 1)
            let (valueEvent, valuePosition) = try events.next()
            let value = try node(valueEvent, valuePosition, depth: depth + 1)
            guard let name = key.scalar?.text else {
                errors.append(YAMLError(position: position, message: "a key is \(key.kindDescription), expected a name"))
                continue
            }
            if let first = seen[name] {
                errors.append(
                    YAMLError(position: position, message: "the key '\(name)' stands twice; the first is in line \(first.line)"))
                continue
            }
            seen[name] = position
            pairs.append(YAMLPair(key: name, keyPosition: position, value: value))
        }
    }

    private mutating func count(_ more: Int, at position: SourcePosition) throws(YAMLError) {
        nodes += more
        guard nodes <= YAML.maximumNodes else {
            throw YAMLError(position: position, message: "more than \(YAML.maximumNodes) nodes, aliases counted with what they stand for")
        }
    }

    private mutating func remember(_ node: YAMLNode, _ anchor: String?, size: Int) {
        if let anchor { anchors[anchor] = Anchored(node: node, size: size) }
    }

    private mutating func check(_ tag: String?, is kind: String, _ position: SourcePosition) {
        guard let tag, tag != "!", tag != "tag:yaml.org,2002:\(kind)" else { return }
        errors.append(YAMLError(position: position, message: "the tag '\(tag)' is not known here"))
    }

    private mutating func scalar(_ text: String, _ style: YAMLScalar.Style, _ tag: String?, _ position: SourcePosition) -> YAMLScalar {
        func made(_ value: YAMLScalar.Value) -> YAMLScalar { YAMLScalar(text: text, style: style, tag: tag, value: value) }
        guard let tag else {
            guard style == .plain else { return made(.string(text)) }
            if let value = YAMLScalar.Value.resolve(plain: text) { return made(value) }
            errors.append(YAMLError(position: position, message: "'\(text)' is no number that can be kept; quote it if it is text"))
            return made(.string(text))
        }
        let resolved = YAMLScalar.Value.resolve(plain: text)
        switch (tag, resolved) {
        case ("!", _), ("tag:yaml.org,2002:str", _): return made(.string(text))
        case ("tag:yaml.org,2002:null", .null?), ("tag:yaml.org,2002:bool", .bool?), ("tag:yaml.org,2002:int", .integer?),
            ("tag:yaml.org,2002:float", .double?):
            return made(resolved ?? .null)
        case ("tag:yaml.org,2002:float", .integer(let value)?): return made(.double(Double(value)))
        default:
            errors.append(YAMLError(position: position, message: "the tag '\(tag)' does not fit '\(text)', or is not known"))
            return made(.string(text))
        }
    }
}

extension YAMLNode {
    /// Levels of nesting below this node: 0 for a scalar.
    fileprivate var depth: Int {
        switch content {
        case .scalar: 0
        case .sequence(let nodes): 1 + (nodes.map(\.depth).max() ?? 0)
        case .mapping(let pairs): 1 + (pairs.map(\.value.depth).max() ?? 0)
        }
    }
}
