import FoundationEssentials
import Glibc
import MeshTesting
import Testing

@testable import mesh

@Suite struct GitRepositoryTests {
    /// A folder of its own, removed at the end.
    private func withFolder(_ body: (String) throws -> Void) throws {
        var random = SystemRandomNumberGenerator()
        let path = FileManager.default.temporaryDirectory.path() + "/mesh-hook-\(random.next())"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: path) }
        try body(path)
    }

    private func repository(in folder: String, isBare: Bool) throws -> String {
        let path = folder + "/it's a repo"
        let git = try Git(log: folder + "/git.log", environment: ["PATH": "/usr/bin:/bin"])
        if isBare {
            try git(in: folder, "init", "--quiet", "--bare", "--initial-branch=main", path)
        } else {
            try git(in: folder, "init", "--quiet", "--initial-branch=main", path)
        }
        return path
    }

    /// What this process has written may be open in a child that another test starts at that moment, and cannot be run then (ETXTBSY). A copy that another process
    /// makes was never open here.
    private func copyElsewhere(_ path: String) throws {
        let (old, new) = (GitRepository.quoted(path), GitRepository.quoted(path + ".new"))
        try #require(system("cp -p \(old) \(new) && mv \(new) \(old)") == 0)
    }

    /// Installs a hook whose mesh is a script that writes down what it was called with, commits (and pushes), and gives that.
    private func calls(isBare: Bool) throws -> String {
        var said = ""
        try withFolder { folder in
            let path = try repository(in: folder, isBare: isBare)
            let recorder = folder + "/mesh"
            try "#!/bin/sh\nprintf '<%s> ' \"$@\" >>'\(folder)/calls'\n".write(toFile: recorder, atomically: true, encoding: .utf8)
            try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: recorder)
            let hook = try GitRepository(at: path).install(mesh: recorder, url: nil, brokers: nil, dataDirectory: "/data dir")
            for written in [recorder, hook] { try copyElsewhere(written) }
            #expect(hook.hasSuffix(isBare ? "/hooks/post-receive" : "/.git/hooks/post-commit"))
            let git = try Git(log: folder + "/git.log", environment: ["PATH": "/usr/bin:/bin"])
            let work = isBare ? folder + "/work" : path
            if isBare { try git(in: folder, "clone", "--quiet", path, work) }
            try "text".write(toFile: work + "/file", atomically: true, encoding: .utf8)
            try git(in: work, "add", "file")
            try git(in: work, "commit", "--quiet", "--message", "It's $(a) \"test\"")
            if isBare { try git(in: work, "push", "--quiet", "origin", "HEAD:main") }
            said = try String(contentsOfFile: folder + "/calls", encoding: .utf8)
            #expect(said.contains("<--repository> <file://\(path)>"))
        }
        return said
    }

    @Test(arguments: [true, false]) func theHookAnnouncesTheCommitWordForWord(isBare: Bool) throws {
        let said = try calls(isBare: isBare)
        #expect(said.contains("<hook> <fire> <--data-dir> </data dir>"))
        #expect(said.contains("<--branch> <main>"))
        #expect(said.contains("<--author> <Demo Developer> <--message> <It's $(a) \"test\">"))
    }

    @Test func anothersHookIsLeftAlone() throws {
        try withFolder { folder in
            let path = try repository(in: folder, isBare: true)
            try "#!/bin/sh\n".write(toFile: path + "/hooks/post-receive", atomically: true, encoding: .utf8)
            #expect(throws: CommandFailure.self) {
                try GitRepository(at: path).install(mesh: "/mesh", url: nil, brokers: nil, dataDirectory: "/d")
            }
        }
    }

    @Test func ourOwnHookIsReplaced() throws {
        try withFolder { folder in
            let path = try repository(in: folder, isBare: true)
            for brokers in ["a:1", "b:2"] {
                let hook = try GitRepository(at: path).install(mesh: "/mesh", url: "https://x/y", brokers: brokers, dataDirectory: "/d")
                let text = try String(contentsOfFile: hook, encoding: .utf8)
                #expect(text.contains("--brokers '\(brokers)' --repository 'https://x/y'"))
            }
        }
    }

    @Test func aFolderThatIsNoRepositoryIsRefused() throws {
        try withFolder { folder in #expect(throws: CommandFailure.self) { try GitRepository(at: folder) } }
    }
}
