/// Lays one YAML tree over another, key by key. Every node keeps the place that it came from, so the result knows the origin of each value.
public enum Overlay {
    /// Mappings are laid over each other key by key; a list or a scalar replaces what was there; a null takes the key away.
    public static func merge(_ base: YAMLNode, with overlay: YAMLNode) -> YAMLNode {
        guard var pairs = base.pairs, let above = overlay.pairs else { return overlay }
        for pair in above {
            let index = pairs.firstIndex { $0.key == pair.key }
            switch (index, pair.value.isNull) {
            case (let index?, true): pairs.remove(at: index)
            case (let index?, false): pairs[index].value = merge(pairs[index].value, with: pair.value)
            case (nil, true): break
            case (nil, false): pairs.append(pair)
            }
        }
        return YAMLNode(.mapping(pairs), at: base.position)
    }
}
