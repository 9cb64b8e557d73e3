import BotKit
import Glibc
import MeshTesting
import Testing

@testable import Calls

@Suite("Git checkout") struct GitCheckoutTests {
    let scratch: ScratchDirectory
    init() throws { scratch = try ScratchDirectory("botmesh-git") }

    private func checkout(_ url: String, _ commit: String, allowed: [String] = ["file:///"], into name: String = "out") async throws
        -> GitCheckout.Result
    {
        try scratch.directory("scratch-\(name)")
        return try await GitCheckout(allowed: allowed).run(
            repository: url, commit: commit, into: "\(scratch.path)/\(name)", scratch: "\(scratch.path)/scratch-\(name)")
    }

    @Test("Exactly that commit, by its hash, a short hash, a branch or a tag")
    func revisions() async throws {
        let repository = try await TestRepository(scratch)
        let first = try await repository.commit(["a": "one"])
        try await repository.git("tag", "v1")
        let second = try await repository.commit(["a": "two"])
        for (index, (revision, hash, text)) in [
            (first, first, "one"), (second, second, "two"), (String(first.prefix(8)), first, "one"), ("main", second, "two"),
            ("v1", first, "one"),
            (first.uppercased(), first, "one"),
        ].enumerated() {
            let result = try await checkout(repository.url, revision, into: "out\(index)")
            #expect(result.commit == hash && result.time > 1_500_000_000)
            #expect(try scratch.read("out\(index)/a") == text)
        }
        await expectFailure("commit-not-found") { _ = try await checkout(repository.url, String(repeating: "0", count: 40), into: "none") }
        await expectFailure("commit-not-found") { _ = try await checkout(repository.url, "no-such-branch", into: "none2") }
    }

    @Test("No hook, filter or configuration of the repository or the user runs")
    func hooks() async throws {
        let repository = try await TestRepository(scratch)
        let commit = try await repository.commit([
            "a": "x", ".gitattributes": "* filter=evil\n",
            ".gitmodules": "[submodule \"s\"]\n\tpath = s\n\turl = ext::sh -c touch% \(scratch.path)/pwned\n",
        ])
        try await repository.git("config", "core.fsmonitor", "touch \(scratch.path)/pwned")
        try scratch.write("repository/.git/hooks/post-checkout", "#!/bin/sh\ntouch \(scratch.path)/pwned\n")
        chmod(scratch.path + "/repository/.git/hooks/post-checkout", 0o755)
        _ = try await checkout(repository.url, commit)
        #expect(scratch.exists("out/a") && !scratch.exists("pwned"))
        #expect(!scratch.exists("out/.git/hooks/post-checkout"))
    }

    @Test("A repository that is not allowed, or not there, is refused with a clear message")
    func refusals() async throws {
        let repository = try await TestRepository(scratch)
        let commit = try await repository.commit(["a": "x"])
        for allowed in [[], ["https://"], ["file:///other/"], [repository.url + "-not"], [String(repository.url.dropLast())]] {
            await expectFailure("repository-refused") { _ = try await checkout(repository.url, commit, allowed: allowed) }
        }
        #expect(try await checkout(repository.url, commit, allowed: [repository.url]).commit == commit)
        await expectFailure("fetch-failed") { _ = try await checkout(repository.url + "-missing", commit, into: "out2") }
    }

    @Test("URLs and commits that could be read as something else are refused")
    func forms() throws {
        for url in [
            "", "-oProxyCommand=x", "ext::sh -c x", "http://x/y", "git://x/y", "https://user:token@github.com/x",
            "https://token@github.com/x",
            "file://host/x", "ssh://-oProxyCommand=x/y", "ssh://git@-x/y", "file:///a/../etc", "file:///a/%2e%2e/etc", "https://x/a b",
            "https://x/\n",
            "relative/path", "ssh://a:b@host/x", "-x@host:path", "data:x", "ssh://host/\u{7f}",
        ] {
            #expect(throws: CallFailure.self, "\(url)") { try RepositoryURL(url) }
        }
        #expect(try RepositoryURL("git@github.com:acme/shop.git").text == "ssh://git@github.com/acme/shop.git")
        #expect(try RepositoryURL("/srv/git/shop").text == "file:///srv/git/shop")
        #expect(try RepositoryURL("HTTPS://github.com/acme").text == "https://github.com/acme")
        #expect(try RepositoryURL("https://github.com/acme-evil/x").isAllowed(by: ["https://github.com/acme"]) == false)
        #expect(try RepositoryURL("https://github.com/acme/x").isAllowed(by: ["https://github.com/acme"]))
        #expect(try RepositoryURL("git@github.com:acme/x").isAllowed(by: ["ssh://git@github.com/"]))
        for commit in [
            "", "--upload-pack=x", "-x", "a..b", "a b", "a\nb", "abc^", "abc~1", "@{1}", "x:y", "refs/../x", "x.lock", "/x", ".x", "x/",
        ] {
            #expect(throws: CallFailure.self, "\(commit)") { try Revision(commit) }
        }
        #expect(try Revision("ABCDEF1") == .hash("abcdef1"))
        #expect(try Revision("feature/x-1") == .name("feature/x-1"))
    }

    @Test("Spoilt URLs never trap, and what is taken begins with its scheme")
    func fuzz() {
        var random = SeededGenerator(seed: 4)
        let seeds = ["https://github.com/acme/shop.git", "git@github.com:acme/shop", "file:///srv/git/shop", "ssh://git@host:22/x"]
        for _ in 0..<4000 {
            var bytes = Array(seeds.randomElement(using: &random)!.utf8)
            spoil(&bytes, &random)
            do {
                let url = try RepositoryURL(String(decoding: bytes, as: UTF8.self))
                #expect(url.text.hasPrefix(url.scheme + "://") && !url.text.contains("/../") && !url.text.contains(" "))
            } catch {
                #expect(error.kind == .permanent)
            }
        }
    }
}
