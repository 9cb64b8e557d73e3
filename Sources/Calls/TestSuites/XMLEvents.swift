import CExpat

/// Reads XML as a stream of events, with expat: bounded, and without entities of the document's own.
///
/// Refused: an internal subset of a DOCTYPE (where entity bombs live), more than `maximumDepth` levels, more than `maximumElements` elements. External entities are never read.
enum XMLEvents {
    static let maximumDepth = 64
    static let maximumElements = 2_000_000

    protocol Handler: AnyObject {
        func start(_ name: String, _ attributes: [String: String])
        func text(_ bytes: UnsafeRawBufferPointer)
        func end(_ name: String)
    }

    struct Problem: Error, Equatable, CustomStringConvertible {
        let line: Int
        let message: String
        var description: String { "line \(line): \(message)" }
    }

    static func parse(_ bytes: [UInt8], _ handler: any Handler) throws(Problem) {
        guard let parser = XML_ParserCreate(nil) else { throw Problem(line: 0, message: "out of memory") }
        defer { XML_ParserFree(parser) }
        let state = State(parser: parser, handler: handler)
        XML_SetUserData(parser, Unmanaged.passUnretained(state).toOpaque())
        XML_SetElementHandler(
            parser,
            { data, name, attributes in State.of(data).start(name, attributes) },
            { data, name in State.of(data).end(name) })
        XML_SetCharacterDataHandler(parser) { data, text, count in
            State.of(data).handler.text(UnsafeRawBufferPointer(start: text, count: Int(count)))
        }
        XML_SetStartDoctypeDeclHandler(parser) { data, _, _, _, hasInternalSubset in
            if hasInternalSubset != 0 { State.of(data).stop("a DOCTYPE with declarations of its own is refused") }
        }
        XML_SetEntityDeclHandler(parser) { data, _, _, _, _, _, _, _, _ in State.of(data).stop("entity declarations are refused") }
        let status = withExtendedLifetime(state) {
            bytes.withUnsafeBytes { XML_Parse(parser, $0.bindMemory(to: CChar.self).baseAddress, Int32(clamping: $0.count), 1) }
        }
        let line = Int(XML_GetCurrentLineNumber(parser))
        if let refusal = state.refusal { throw Problem(line: line, message: refusal) }
        guard status == XML_STATUS_OK else {
            throw Problem(line: line, message: XML_ErrorString(XML_GetErrorCode(parser)).map { String(cString: $0) } ?? "not XML")
        }
    }

    private final class State {
        let parser: XML_Parser
        let handler: any Handler
        var refusal: String?
        var depth = 0
        var elements = 0

        init(parser: XML_Parser, handler: any Handler) {
            self.parser = parser
            self.handler = handler
        }

        /// The state lives as long as the parse, which holds it.
        static func of(_ data: UnsafeMutableRawPointer?) -> State { Unmanaged<State>.fromOpaque(data!).takeUnretainedValue() }

        func start(_ name: UnsafePointer<CChar>?, _ attributes: UnsafeMutablePointer<UnsafePointer<CChar>?>?) {
            depth += 1
            elements += 1
            guard depth <= maximumDepth else { return stop("more than \(maximumDepth) levels") }
            guard elements <= maximumElements else { return stop("more than \(maximumElements) elements") }
            guard refusal == nil, let name else { return }
            var found: [String: String] = [:]
            var next = attributes
            while let key = next?[0], let value = next?[1] {
                found[String(cString: key)] = String(cString: value)
                next = next?.advanced(by: 2)
            }
            handler.start(String(cString: name), found)
        }

        func end(_ name: UnsafePointer<CChar>?) {
            depth -= 1
            guard refusal == nil, let name else { return }
            handler.end(String(cString: name))
        }

        func stop(_ why: String) {
            refusal = refusal ?? why
            XML_StopParser(parser, 0)
        }
    }
}
