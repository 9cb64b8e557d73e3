import FoundationEssentials

/// The built programs, and the files of the package.
public enum Programs {
    /// The package's folder.
    public static let packageRoot = "/" + #filePath.split(separator: "/").dropLast(3).joined(separator: "/")

    /// A program of this package, built like the tests.
    public static func path(_ name: String) -> String { "\(packageRoot)/.build/debug/\(name)" }

    /// The interpreter with the packages that tests need: `MESH_TEST_PYTHON`, else that of `.venv`.
    public static var python: String { ProcessInfo.processInfo.environment["MESH_TEST_PYTHON"] ?? "\(packageRoot)/.venv/bin/python3" }
}
