import FoundationEssentials
import Terminal

/// The folder that holds `topics/` and `deploy/`: the repository, or an installation of it.
struct Home {
    let path: String

    var topics: String { path + "/topics" }
    var bots: String { path + "/deploy/bots" }
    var demo: String { path + "/deploy/demo" }

    /// `MESH_HOME`, else the nearest folder above the working directory, else above the program, that has both.
    static func find(_ environment: [String: String]) throws(UsageError) -> Home {
        if let named = environment["MESH_HOME"], !named.isEmpty {
            guard isHome(named) else { throw UsageError("MESH_HOME is \(named), which has no topics/ and deploy/bots/") }
            return Home(path: absolute(named))
        }
        for start in [FileManager.default.currentDirectoryPath, folder(of: Executable.path)] {
            var path = start
            while true {
                if isHome(path) { return Home(path: path) }
                if path == "/" || path.isEmpty { break }
                path = folder(of: path)
            }
        }
        throw UsageError("found no topics/ and deploy/bots/ above the working directory. Go to the botmesh folder, or set MESH_HOME to it")
    }

    private static func isHome(_ path: String) -> Bool {
        FileManager.default.fileExists(atPath: path + "/topics") && FileManager.default.fileExists(atPath: path + "/deploy/bots")
    }
}

/// This program's own file, and its neighbours.
enum Executable {
    static var path: String {
        (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? absolute(Swift.CommandLine.arguments[0])
    }

    /// A program beside this one, e.g. `meshbot`.
    static func neighbour(_ name: String) throws(CommandFailure) -> String {
        let path = folder(of: path) + "/" + name
        guard FileManager.default.isExecutableFile(atPath: path) else { throw CommandFailure("\(path) is missing. Build it: make build") }
        return path
    }
}

func folder(of path: String) -> String {
    guard let slash = path.lastIndex(of: "/") else { return "." }
    return slash == path.startIndex ? "/" : String(path[..<slash])
}

func absolute(_ path: String) -> String {
    path.hasPrefix("/") ? path : FileManager.default.currentDirectoryPath + "/" + path
}
