import CSystem
import Glibc

/// Starts a program with `posix_spawn`: a new session and process group, all signals at their defaults and unblocked, no descriptor but the three
/// standard ones, no environment but the command's.
func spawn(_ command: ChildCommand, input: Int32?, output: Int32, errors: Int32) throws(ChildError) -> pid_t {
    let path = try locate(command)
    let arguments = CStrings([command.program] + command.arguments)
    let environment = CStrings(command.environment.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" })
    var process = pid_t()
    let result = csystem_spawn(
        &process, path, arguments.pointers, environment.pointers, command.directory, input ?? -1, output, errors)
    guard result == 0 else { throw ChildError("cannot start \(command.program)", number: -result) }
    return process
}

/// The file of a program: as it stands when it has a slash, else the first executable one in the command's own `PATH`.
private func locate(_ command: ChildCommand) throws(ChildError) -> String {
    if command.program.utf8.contains(UInt8(ascii: "/")) { return command.program }
    guard let path = ChildCommand.find(command.program, path: command.environment["PATH"] ?? "") else {
        throw ChildError("cannot find \(command.program) in PATH", number: ENOENT)
    }
    return path
}

extension ChildCommand {
    /// The first executable regular file called `program` in the directories of `path`; nil when there is none.
    public static func find(_ program: String, path: String) -> String? {
        for directory in path.split(separator: ":") where directory.hasPrefix("/") {
            let candidate = "\(directory)/\(program)"
            var status = stat()
            if stat(candidate, &status) == 0, status.st_mode & S_IFMT == S_IFREG, access(candidate, X_OK) == 0 { return candidate }
        }
        return nil
    }
}

/// An array of C strings that ends with nil, as `exec` takes it; freed with its last reference.
private final class CStrings {
    let pointers: [UnsafeMutablePointer<CChar>?]
    init(_ texts: [String]) { pointers = texts.map { strdup($0) } + [nil] }
    deinit { for pointer in pointers { free(pointer) } }
}
