/// YAML as botmesh reads it: one document, the core schema of YAML 1.2, keys that are scalars, and a limit on everything.
public enum YAML {
    /// The longest text, in bytes.
    public static let maximumBytes = 1 << 20
    /// The deepest nesting of sequences and mappings.
    public static let maximumDepth = 64
    /// The most nodes of a document, every alias counted with all that it stands for.
    public static let maximumNodes = 100_000

    /// Reads one document. An empty text is a null. Throws the first thing that is wrong.
    public static func parse(_ text: String, file: String) throws(YAMLError) -> YAMLNode {
        let (node, errors) = read(text, file: file)
        if let first = errors.min(by: { $0.position < $1.position }) { throw first }
        return node ?? .null(file: file)
    }

    /// Reads one document and goes on after mistakes that leave the structure clear (a key twice, an unknown tag). The node is nil when nothing can be made of the text.
    public static func read(_ text: String, file: String) -> (node: YAMLNode?, errors: [YAMLError]) {
        guard text.utf8.count <= maximumBytes else {
            let message = "the file has \(text.utf8.count) bytes; at most \(maximumBytes) are read"
            return (nil, [YAMLError(position: SourcePosition(file: file, line: 1, column: 1), message: message)])
        }
        return Array(text.utf8).withUnsafeBufferPointer { bytes in
            do throws(YAMLError) {
                var composer = YAMLComposer(try YAMLEvents(bytes, file: file), file: file)
                do throws(YAMLError) {
                    let node = try composer.document()
                    return (node, composer.errors)
                } catch {
                    return (nil, composer.errors + [error])
                }
            } catch {
                return (nil, [error])
            }
        }
    }

    /// The same over bytes, which must be UTF-8.
    public static func read(bytes: [UInt8], file: String) -> (node: YAMLNode?, errors: [YAMLError]) {
        guard let text = String(validating: bytes, as: UTF8.self) else {
            let position = SourcePosition(file: file, line: 1, column: 1)
            return (nil, [YAMLError(position: position, message: "the file is not UTF-8")])
        }
        return read(text, file: file)
    }
}

extension YAMLNode {
    static func null(file: String) -> YAMLNode {
        let scalar = YAMLScalar(text: "", style: .plain, tag: nil, value: .null)
        return YAMLNode(.scalar(scalar), at: SourcePosition(file: file, line: 1, column: 1))
    }
}
