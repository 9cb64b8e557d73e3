import FoundationEssentials
import Glibc
import Terminal

/// The directory of one run: the broker's data, the bots' logs, flag files. Removed at the end unless the run failed.
struct Workspace: Sendable {
    let path: String

    init() throws {
        var template = Array("\(FileManager.default.temporaryDirectory.path)/meshload-chaos-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else {
            throw LoadFailure("no temporary directory can be made: \(String(cString: strerror(errno)))")
        }
        path = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
    }

    func file(_ name: String) -> String { path + "/" + name }

    func write(_ text: String, to name: String) throws { try Data(text.utf8).write(to: URL(filePath: file(name))) }

    func remove() {
        do { try FileManager.default.removeItem(atPath: path) } catch { Chaos.say("cannot remove \(path): \(error)") }
    }
}

/// What the run says: on standard output, a line at once.
enum Chaos {
    static func say(_ text: String) { Terminal.write(text + "\n", to: STDOUT_FILENO) }
}
