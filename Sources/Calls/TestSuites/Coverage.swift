import Envelopes

/// Lines of source that tests ran through. Reports of several suites are put together by file and line.
public struct Coverage: Sendable, Equatable {
    /// The largest file that is read, in bytes.
    public static let maximumBytes = 64 << 20
    /// The most lines, over all files, that are kept.
    public static let maximumLines = 5_000_000

    /// file → line → covered. For reports that name lines.
    private(set) var lines: [String: [Int: Bool]] = [:]
    /// file → (covered, all). For reports that only count.
    private(set) var counts: [String: Counted] = [:]

    struct Counted: Sendable, Equatable {
        var covered: Int
        var count: Int
    }

    public struct Problem: Error, Sendable, Equatable, CustomStringConvertible {
        public let description: String
    }

    public init() {}

    /// Tells by its beginning what a report is: `llvm-cov export` JSON, Cobertura XML, or an lcov tracefile.
    public init(parsing bytes: [UInt8]) throws(Problem) {
        guard bytes.count <= Self.maximumBytes else { throw Problem(description: "larger than \(Self.maximumBytes) bytes") }
        let start = bytes.drop { $0 <= 0x20 || $0 == 0xef || $0 == 0xbb || $0 == 0xbf }
        switch start.first {
        case UInt8(ascii: "{"): try readLLVM(bytes)
        case UInt8(ascii: "<"): try readCobertura(bytes)
        case nil: throw Problem(description: "empty")
        default: try readTracefile(bytes)
        }
    }

    public var coveredLines: Int {
        lines.values.reduce(0) { $0 + $1.values.count { $0 } } + counts.values.reduce(0) { $0 + $1.covered }
    }

    public var allLines: Int { lines.values.reduce(0) { $0 + $1.count } + counts.values.reduce(0) { $0 + $1.count } }

    /// Of lines; nil when there are none.
    public var percent: Double? {
        let all = allLines
        return all == 0 ? nil : Double(coveredLines) * 100 / Double(all)
    }

    /// Adds another suite's: a line is covered when either covers it.
    public mutating func add(_ other: Coverage) {
        for (file, more) in other.lines { lines[file, default: [:]].merge(more) { $0 || $1 } }
        for (file, more) in other.counts {
            let before = counts[file] ?? Counted(covered: 0, count: 0)
            counts[file] = Counted(covered: max(before.covered, more.covered), count: max(before.count, more.count))
        }
    }

    private mutating func note(_ file: String, _ line: Int, _ hits: Bool, _ total: inout Int) throws(Problem) {
        guard line > 0 else { return }
        total += 1
        guard total <= Self.maximumLines else { throw Problem(description: "more than \(Self.maximumLines) lines") }
        lines[file, default: [:]][line] = lines[file]?[line] ?? false || hits
    }

    /// Source of the format: geninfo(1), `SF`, `DA`, `end_of_record`.
    private mutating func readTracefile(_ bytes: [UInt8]) throws(Problem) {
        var file = ""
        var total = 0
        var hasRecord = false
        for line in bytes.split(separator: UInt8(ascii: "\n")) {
            if line.starts(with: "SF:".utf8) {
                file = String(decoding: line.dropFirst(3).filter { $0 != UInt8(ascii: "\r") }, as: UTF8.self)
                hasRecord = true
                if lines[file] == nil { lines[file] = [:] }
            } else if line.starts(with: "DA:".utf8) {
                let fields = line.dropFirst(3).split(separator: UInt8(ascii: ","))
                guard fields.count >= 2, let number = Int(String(decoding: fields[0], as: UTF8.self)), !file.isEmpty else {
                    throw Problem(description: "not an lcov tracefile: a DA line without its file, line or count")
                }
                let hits = String(decoding: fields[1].filter { $0 > 0x20 }, as: UTF8.self)
                guard let count = Double(hits) else {
                    throw Problem(description: "not an lcov tracefile: a DA line whose count is no number")
                }
                try note(file, number, count > 0, &total)
            } else if line.starts(with: "end_of_record".utf8) {
                file = ""
            }
        }
        guard hasRecord else { throw Problem(description: "neither an lcov tracefile, nor Cobertura XML, nor llvm-cov JSON") }
    }

    /// Source of the format: coverage-04.dtd, `class[filename] > lines > line[number,hits]`.
    private mutating func readCobertura(_ bytes: [UInt8]) throws(Problem) {
        let reader = CoberturaReader()
        do throws(XMLEvents.Problem) {
            try XMLEvents.parse(bytes, reader)
        } catch {
            throw Problem(description: error.description)
        }
        guard reader.isCobertura else { throw Problem(description: "not Cobertura XML: its root is not 'coverage'") }
        guard reader.lines.count <= Self.maximumLines else { throw Problem(description: "more than \(Self.maximumLines) lines") }
        var total = 0
        for line in reader.lines { try note(line.file, line.number, line.isCovered, &total) }
    }

    /// Source of the format: `llvm-cov export`, `data[].files[] {filename, summary.lines {count, covered}}`.
    private mutating func readLLVM(_ bytes: [UInt8]) throws(Problem) {
        let json: JSONValue
        do {
            json = try JSONValue.parse(bytes)
        } catch {
            throw Problem(description: "not JSON: \(error)")
        }
        guard let data = json["data"]?.array else { throw Problem(description: "not what llvm-cov export writes: no 'data'") }
        for export in data {
            for file in export["files"]?.array ?? [] {
                guard let name = file["filename"]?.string, let summary = file["summary"]?["lines"],
                    let count = summary["count"]?.integer.map(Int.init), let covered = summary["covered"]?.integer.map(Int.init),
                    (0...Self.maximumLines).contains(count), (0...count).contains(covered)
                else { throw Problem(description: "not what llvm-cov export writes: a file without its summary of lines") }
                var other = Coverage()
                other.counts[name] = Counted(covered: covered, count: count)
                add(other)
            }
        }
        guard allLines <= Self.maximumLines else { throw Problem(description: "more than \(Self.maximumLines) lines") }
    }
}

private final class CoberturaReader: XMLEvents.Handler {
    var isCobertura = false
    var lines: [(file: String, number: Int, isCovered: Bool)] = []
    private var depth = 0
    private var file: String?
    private var isInMethods = false

    func start(_ name: String, _ attributes: [String: String]) {
        depth += 1
        if depth == 1 { isCobertura = name == "coverage" }
        switch name {
        case "class": file = attributes["filename"] ?? attributes["name"]
        // Lines of methods are there again among those of the class.
        case "methods": isInMethods = true
        case "line":
            guard !isInMethods, let file, let number = attributes["number"].flatMap({ Int($0) }), lines.count <= Coverage.maximumLines
            else { return }
            lines.append((file, number, attributes["hits"].flatMap { Double($0) } ?? 0 > 0))
        default: break
        }
    }

    func text(_ bytes: UnsafeRawBufferPointer) {}

    func end(_ name: String) {
        depth -= 1
        switch name {
        case "class": file = nil
        case "methods": isInMethods = false
        default: break
        }
    }
}
