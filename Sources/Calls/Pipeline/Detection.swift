import BotKit

/// What the files of a repository suggest, when nobody says how it is built or tested.
enum Detection {
    /// - Parameter names: what lies at the top of the tree.
    static func build(names: Set<String>) -> [RepositoryFile.Step] {
        func step(_ name: String, _ line: String, network: Bool = false) -> RepositoryFile.Step {
            RepositoryFile.Step(name: name, command: StepCommand(.shell(line), timeLimit: .seconds(1800), needsNetwork: network))
        }
        if names.contains("Makefile") || names.contains("makefile") || names.contains("GNUmakefile") { return [step("make", "make")] }
        if names.contains("Package.swift") { return [step("swift build", "swift build -c release --disable-sandbox", network: true)] }
        if names.contains("package.json") {
            let install = names.contains("package-lock.json") ? "npm ci --no-audit --no-fund" : "npm install --no-audit --no-fund"
            return [step("npm install", install, network: true), step("npm build", "npm run build --if-present")]
        }
        if names.contains("Cargo.toml") {
            return [
                step(
                    "cargo build", names.contains("Cargo.lock") ? "cargo build --release --locked" : "cargo build --release", network: true)
            ]
        }
        if names.contains("go.mod") { return [step("go build", "go build ./...", network: true)] }
        if names.contains("pyproject.toml") || names.contains("setup.py") || names.contains("requirements.txt") {
            return [step("python compile", "python3 -m compileall -q .")]
        }
        return []
    }

    /// - Parameters:
    ///   - names: what lies at the top of the tree.
    ///   - read: gives a small file of it.
    static func test(names: Set<String>, read: (String) -> String?) -> [RepositoryFile.Suite] {
        func suite(_ line: String, junit: String? = nil) -> [RepositoryFile.Suite] {
            let command = StepCommand(.shell(line), timeLimit: .seconds(1800))
            return [RepositoryFile.Suite(name: "unit", suite: TestSuite(command: command, junit: junit))]
        }
        for makefile in ["GNUmakefile", "makefile", "Makefile"] where names.contains(makefile) {
            let lines = (read(makefile) ?? "").split(separator: "\n")
            if lines.contains(where: { $0.hasPrefix("test:") || $0.hasPrefix("test ") && $0.contains(":") }) { return suite("make test") }
        }
        if names.contains("Package.swift") {
            return suite("swift test --disable-sandbox --xunit-output reports/junit.xml", junit: "reports/junit.xml")
        }
        if names.contains("package.json") { return read("package.json")?.contains("\"test\"") == true ? suite("npm test") : [] }
        if names.contains("Cargo.toml") { return suite("cargo test --offline") }
        if names.contains("go.mod") { return suite("go test ./...") }
        if names.contains("tests") && (names.contains("pyproject.toml") || names.contains("setup.py") || names.contains("requirements.txt"))
        {
            return suite("python3 -m unittest discover -s tests")
        }
        return []
    }
}
