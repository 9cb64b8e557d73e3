import BotKit
import Envelopes
import FoundationEssentials
import Glibc
import Testing

@testable import Calls

@Suite("Artifacts") struct ArtifactTests {
    let scratch: ScratchDirectory
    let store: DirectoryArtifactStore

    init() throws {
        scratch = try ScratchDirectory("botmesh-artifacts")
        store = DirectoryArtifactStore(directory: scratch.path + "/store")
    }

    private func tree(_ name: String, order: [String]) throws -> String {
        for file in order { try scratch.write("\(name)/\(file)", "content of \(file)\n") }
        try scratch.write("\(name)/.git/config", "secret of \(name)")
        chmod("\(scratch.path)/\(name)/\(order[0])", name == "one" ? 0o600 : 0o664)
        symlink("a.txt", "\(scratch.path)/\(name)/link")
        return "\(scratch.path)/\(name)"
    }

    private func pack(_ tree: String, _ format: ArtifactFormat = .zstd) async throws -> ArtifactReference {
        let file = "\(scratch.path)/\(UUID().uuidString)"
        try await Archive.pack(tree, time: 1_700_000_000, format: format, to: file)
        return try await store.put(file, format: format)
    }

    @Test("The same content gives the same bytes, whatever the order, times and umask", arguments: ArtifactFormat.allCases)
    func reproducible(format: ArtifactFormat) async throws {
        let one = try await pack(tree("one", order: ["a.txt", "b/c.txt", "z"]), format)
        let two = try await pack(tree("two", order: ["z", "b/c.txt", "a.txt"]), format)
        #expect(one == two)
        #expect(one.format == format.rawValue && one.url.hasSuffix("\(one.sha256).\(format.rawValue)"))
    }

    @Test("What was packed comes back, without .git", arguments: ArtifactFormat.allCases)
    func roundTrip(format: ArtifactFormat) async throws {
        let reference = try await pack(tree("one", order: ["a.txt", "b/c.txt"]), format)
        try await store.unpack(reference, into: scratch.path + "/out")
        #expect(try scratch.read("out/b/c.txt") == "content of b/c.txt\n")
        #expect(try scratch.read("out/link") == "content of a.txt\n")
        #expect(!scratch.exists("out/.git"))
        #expect(!scratch.exists("out.packed") && !scratch.exists("out.packed.tar"))
    }

    @Test("Only the named paths, without the excluded ones")
    func selection() async throws {
        let tree = try tree("one", order: ["a.txt", "b/c.txt", "b/d.log"])
        try await Archive.pack(tree, paths: ["b"], excluding: ["b/*.log"], time: 0, format: .gzip, to: scratch.path + "/file")
        try await Archive.unpack(scratch.path + "/file", format: .gzip, into: scratch.path + "/out")
        #expect(scratch.exists("out/b/c.txt") && !scratch.exists("out/b/d.log") && !scratch.exists("out/a.txt"))
        await #expect(throws: CallFailure.self) {
            try await Archive.pack(tree, paths: ["missing"], time: 0, format: .gzip, to: scratch.path + "/file2")
        }
    }

    @Test("A changed artifact, a missing one, and one outside the store are refused")
    func refusals() async throws {
        let reference = try await pack(tree("one", order: ["a.txt"]))
        var other = reference
        other.sha256 = String(repeating: "0", count: 64)
        await expect("digest-mismatch") { try await store.fetch(other, to: scratch.path + "/x") }
        var outside = reference
        outside.url = "file:///etc/passwd"
        await expect("artifact-refused") { try await store.fetch(outside, to: scratch.path + "/x") }
        outside.url = "file://\(store.directory)/../store/x"
        await expect("artifact-refused") { try await store.fetch(outside, to: scratch.path + "/x") }
        outside.url = "https://example.org/x"
        await expect("artifact-refused") { try await store.fetch(outside, to: scratch.path + "/x") }
        outside.url = FileURL.text(store.directory + "/nothing")
        await expect("artifact-missing") { try await store.fetch(outside, to: scratch.path + "/x") }
        let path = try #require(FileURL.path(reference.url))
        try Data("other".utf8).write(to: URL(filePath: path))
        await expect("digest-mismatch") { try await store.fetch(reference, to: scratch.path + "/x") }
    }

    @Test("Links that lead out, pipes, and archives that escape are refused")
    func unsafe() async throws {
        for (name, target) in [("up", "../outside"), ("absolute", "/etc/passwd"), ("deep", "b/../../x")] {
            let tree = try tree("tree-\(name)", order: ["a.txt", "b/c"])
            symlink(target, "\(tree)/bad")
            await expect("artifact-unsafe") { try await Archive.pack(tree, time: 0, format: .gzip, to: scratch.path + "/file") }
        }
        let tree = try tree("fifo", order: ["a.txt"])
        mkfifo("\(tree)/pipe", 0o600)
        await expect("artifact-unsafe") { try await Archive.pack(tree, time: 0, format: .gzip, to: scratch.path + "/file") }
        // An archive that somebody else made.
        try scratch.write("evil/x", "x")
        let made = try await ChildProcess.run(
            ChildCommand(
                "tar",
                ["-P", "-c", "-z", "-f", scratch.path + "/evil.tgz", "-C", scratch.path + "/evil", "--transform=s,^x,../escaped,", "x"]))
        #expect(made.isSuccess)
        await expect("artifact-unreadable") {
            try await Archive.unpack(scratch.path + "/evil.tgz", format: .gzip, into: scratch.path + "/out-evil")
        }
        #expect(!scratch.exists("escaped"))
        try scratch.write("garbage", "not an archive")
        await expect("artifact-unreadable") {
            try await Archive.unpack(scratch.path + "/garbage", format: .zstd, into: scratch.path + "/out-garbage")
        }
    }

    @Test("Links to the system's programs are taken")
    func systemLinks() async throws {
        let tree = try tree("one", order: ["a.txt"])
        symlink("/usr/bin/python3", "\(tree)/python")
        _ = try await pack(tree)
    }

    @Test("File URLs of all paths come back")
    func urls() {
        for path in ["/a/b", "/with space/ü", "/50%/x#y?z", "/a+b@c~d"] { #expect(FileURL.path(FileURL.text(path)) == path) }
        #expect(FileURL.path("file://localhost/x") == "/x")
        for bad in ["file://host/x", "http://x/y", "file:///%zz", "file:///%00", "file:///%e", "", "/x"] {
            #expect(FileURL.path(bad) == nil)
        }
    }

    @Test("A tree is removed whatever its modes")
    func removal() throws {
        try scratch.write("tree/deep/er/file", "x")
        chmod(scratch.path + "/tree/deep/er", 0o500)
        chmod(scratch.path + "/tree/deep", 0)
        symlink("/etc", scratch.path + "/tree/link")
        try WorkFiles.remove(scratch.path + "/tree")
        #expect(!scratch.exists("tree") && FileManager.default.fileExists(atPath: "/etc/passwd"))
        try WorkFiles.remove(scratch.path + "/tree")
    }

    @Test("A report is read only from below its directory, and only up to its limit")
    func readBeneath() throws {
        try scratch.write("work/report", "hello")
        try scratch.write("secret", "hunter2")
        symlink("../secret", scratch.path + "/work/up")
        symlink("/etc/passwd", scratch.path + "/work/absolute")
        symlink("report", scratch.path + "/work/inside")
        mkfifo(scratch.path + "/work/pipe", 0o600)
        let work = scratch.path + "/work"
        #expect(try WorkFiles.readBeneath(work, "report", limit: 100) == Array("hello".utf8))
        #expect(try WorkFiles.readBeneath(work, "inside", limit: 100) == Array("hello".utf8))
        #expect(try WorkFiles.readBeneath(work, "missing/file", limit: 100) == nil)
        for path in ["up", "absolute", "../secret", "pipe", "/etc/passwd"] {
            #expect(throws: WorkFileError.self) { try WorkFiles.readBeneath(work, path, limit: 100) }
        }
        #expect(throws: WorkFileError.self) { try WorkFiles.readBeneath(work, "report", limit: 4) }
    }

    private func expect(_ code: String, _ body: () async throws -> Void, _ location: SourceLocation = #_sourceLocation) async {
        do {
            try await body()
            Issue.record("expected \(code)", sourceLocation: location)
        } catch let failure as CallFailure {
            #expect(failure.code == code, "\(failure)", sourceLocation: location)
        } catch {
            Issue.record(error, sourceLocation: location)
        }
    }
}
