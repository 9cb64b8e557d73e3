import Glibc
import MeshTesting
import Testing

/// Runs scripts in a shell and gives what they print, errors included.
enum Shells {
    struct Failure: Error { let text: String }

    static func run(_ interpreter: String, _ script: String) throws -> String {
        var template = Array("/tmp/mesh-shell-XXXXXX".utf8CString)
        let file = mkstemp(&template)
        guard file >= 0 else { throw Failure(text: "mkstemp: \(errno)") }
        let path = template.withUnsafeBufferPointer { String(cString: $0.baseAddress!) }
        defer { unlink(path) }
        let bytes = Array(script.utf8)
        let written = write(file, bytes, bytes.count)
        close(file)
        guard written == bytes.count, let stream = popen("\(interpreter) \(path) 2>&1", "r") else { throw Failure(text: "popen: \(errno)") }
        var output: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while case let count = fread(&buffer, 1, buffer.count, stream), count > 0 { output += buffer.prefix(count) }
        let status = pclose(stream)
        let text = String(decoding: output, as: UTF8.self)
        guard status == 0 else { throw Failure(text: "\(interpreter) ended with \(status >> 8): \(text.prefix(2000))") }
        return text
    }
}
