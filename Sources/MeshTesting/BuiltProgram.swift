import FoundationEssentials

/// The programs of this package, as the build made them: beside the tests that run.
public enum BuiltProgram {
    /// Throws when there is none of that name: building the tests builds the programs too.
    public static func path(_ name: String) throws -> String {
        let own = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
        // The toolchain's runner may be what runs; it is told where the tests lie.
        let programs = [own] + CommandLine.arguments
        for program in programs {
            guard let slash = program.lastIndex(of: "/") else { continue }
            let path = program[...slash] + name
            if FileManager.default.isExecutableFile(atPath: String(path)) { return String(path) }
        }
        throw Missing(name: name, searched: programs)
    }

    struct Missing: Error, CustomStringConvertible {
        let name: String
        let searched: [String]
        var description: String { "\(name) is not beside any of \(searched.joined(separator: ", ")); run swift build --build-tests" }
    }
}
