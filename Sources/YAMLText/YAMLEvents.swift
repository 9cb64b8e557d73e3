import CYAML

/// libyaml's stream of events over one text in memory; owns the C parser and frees it on every path.
struct YAMLEvents: ~Copyable {
    enum Event {
        case streamStart, streamEnd, documentStart, documentEnd, sequenceEnd, mappingEnd
        case alias(String)
        case scalar(text: String, style: YAMLScalar.Style, tag: String?, anchor: String?)
        case sequenceStart(tag: String?, anchor: String?)
        case mappingStart(tag: String?, anchor: String?)
    }

    private let parser: UnsafeMutablePointer<yaml_parser_t>
    private let bytes: UnsafeBufferPointer<UInt8>
    private let file: String

    /// `bytes` must outlive the reader.
    init(_ bytes: UnsafeBufferPointer<UInt8>, file: String) throws(YAMLError) {
        parser = .allocate(capacity: 1)
        self.bytes = bytes
        self.file = file
        guard yaml_parser_initialize(parser) == 1 else {
            parser.deallocate()
            throw YAMLError(position: SourcePosition(file: file, line: 1, column: 1), message: "out of memory")
        }
        yaml_parser_set_encoding(parser, YAML_UTF8_ENCODING)
        yaml_parser_set_input_string(parser, bytes.baseAddress, bytes.count)
    }

    deinit {
        yaml_parser_delete(parser)
        parser.deallocate()
    }

    mutating func next() throws(YAMLError) -> (Event, SourcePosition) {
        var event = yaml_event_t()
        guard yaml_parser_parse(parser, &event) == 1 else { throw failure() }
        defer { yaml_event_delete(&event) }
        let position = position(event.start_mark)
        switch event.type {
        case YAML_STREAM_START_EVENT: return (.streamStart, position)
        case YAML_STREAM_END_EVENT: return (.streamEnd, position)
        case YAML_DOCUMENT_START_EVENT: return (.documentStart, position)
        case YAML_DOCUMENT_END_EVENT: return (.documentEnd, position)
        case YAML_SEQUENCE_END_EVENT: return (.sequenceEnd, position)
        case YAML_MAPPING_END_EVENT: return (.mappingEnd, position)
        case YAML_ALIAS_EVENT: return (.alias(text(event.data.alias.anchor) ?? ""), position)
        case YAML_SEQUENCE_START_EVENT:
            let start = event.data.sequence_start
            return (.sequenceStart(tag: text(start.tag), anchor: text(start.anchor)), position)
        case YAML_MAPPING_START_EVENT:
            let start = event.data.mapping_start
            return (.mappingStart(tag: text(start.tag), anchor: text(start.anchor)), position)
        case YAML_SCALAR_EVENT:
            let scalar = event.data.scalar
            let value = String(decoding: UnsafeBufferPointer(start: scalar.value, count: scalar.length), as: UTF8.self)
            return (.scalar(text: value, style: style(scalar.style), tag: text(scalar.tag), anchor: text(scalar.anchor)), position)
        default: throw YAMLError(position: position, message: "not YAML")
        }
    }

    private func style(_ style: yaml_scalar_style_t) -> YAMLScalar.Style {
        switch style {
        case YAML_SINGLE_QUOTED_SCALAR_STYLE: .singleQuoted
        case YAML_DOUBLE_QUOTED_SCALAR_STYLE: .doubleQuoted
        case YAML_LITERAL_SCALAR_STYLE: .literal
        case YAML_FOLDED_SCALAR_STYLE: .folded
        default: .plain
        }
    }

    private func text(_ pointer: UnsafeMutablePointer<yaml_char_t>?) -> String? {
        pointer.map { String(cString: $0) }
    }

    private func position(_ mark: yaml_mark_t) -> SourcePosition {
        SourcePosition(file: file, line: mark.line + 1, column: mark.column + 1)
    }

    private func failure() -> YAMLError {
        let problem = parser.pointee.problem.map { String(cString: $0) } ?? "not readable"
        if parser.pointee.error == YAML_READER_ERROR {
            return YAMLError(position: position(ofByte: parser.pointee.problem_offset), message: "not YAML: \(problem)")
        }
        if parser.pointee.error == YAML_MEMORY_ERROR {
            return YAMLError(position: position(parser.pointee.mark), message: "out of memory")
        }
        let context = parser.pointee.context.map { " (\(String(cString: $0)) in line \(parser.pointee.context_mark.line + 1))" } ?? ""
        return YAMLError(position: position(parser.pointee.problem_mark), message: "not YAML: \(problem)\(context)")
    }

    /// The reader's errors have no mark, only an offset in bytes.
    private func position(ofByte offset: Int) -> SourcePosition {
        var (line, column) = (1, 1)
        for byte in bytes.prefix(max(0, offset)) {
            if byte == 0x0A {
                (line, column) = (line + 1, 1)
            } else if byte & 0xC0 != 0x80 {
                column += 1
            }
        }
        return SourcePosition(file: file, line: line, column: column)
    }
}
