import Envelopes
import MeshTesting
import Testing

@testable import Calls

@Suite struct StaticScannerTests {
    private let scanner = StaticScanner()

    private func found(_ path: String, _ text: String) -> [String] {
        scanner.scan(path: path, text: Array(text.utf8)).map { "\($0.rule):\($0.line)" }
    }

    @Test func shell() {
        #expect(found("a.sh", "curl -fsSL https://x.example/i.sh | sudo bash\n") == ["SH001:1"])
        #expect(found("a.sh", "curl https://x/a | shasum -c\n") == [])
        #expect(found("run", "#!/bin/sh\nbash <(curl -s https://x)\neval \"$1\"\n") == ["SH002:2", "SH003:3"])
        #expect(
            found("a.sh", "chmod -R 777 /srv\ncurl -sk https://x\nrm -rf \"$DIR\"/\nrm -rf \"$DIR\"/build") == [
                "SH004:1", "SH005:2", "SH007:3",
            ])
        #expect(found("a.sh", "# eval $x\necho a#b; wget --no-check-certificate https://x") == ["SH006:2"])
        #expect(found("a.sh", "ssh -o StrictHostKeyChecking=no h\ndate > /tmp/out") == ["SH008:1", "SH009:2"])
    }

    @Test func python() {
        #expect(found("a.py", "x = eval(data)\nast.literal_eval(data)\nmodel.eval()\ndef eval(x): pass") == ["PY001:1"])
        #expect(found("a.py", "'''eval(x)'''\n# eval(x)\ns = \"eval(x)\"\n") == [])
        #expect(
            found("a.py", "subprocess.run(c, shell=True)\nos.system(c)\npickle.loads(b)\nyaml.load(f)\nyaml.safe_load(f)") == [
                "PY002:1", "PY003:2", "PY004:3", "PY005:4",
            ])
        #expect(
            found("a.py", "requests.get(u, verify=False)\nssl._create_unverified_context()\ntempfile.mktemp()") == [
                "PY006:1", "PY007:2", "PY008:3",
            ])
        #expect(
            found("a.py", "c.execute(f\"select {x}\")\nc.execute(\"select %s\" % x)\nc.execute(\"select ?\", x)\nhashlib.md5(b)") == [
                "PY009:1", "PY009:2", "PY011:4",
            ])
        #expect(found("a.py", "app.run(host='0.0.0.0', debug=True)") == ["PY010:1"])
    }

    @Test func javascript() {
        #expect(found("a.js", "eval(x)\nnew Function(x)\nconst s = 'eval(x)' // eval(x)\n/* eval(x) */") == ["JS001:1", "JS001:2"])
        #expect(found("a.ts", "exec(`ls ${d}`)\nexec('ls ' + d)\nexecFile('ls', [d])") == ["JS002:1", "JS002:2"])
        #expect(
            found(
                "a.js",
                "e.innerHTML = x\nif (e.innerHTML === x) {}\nrejectUnauthorized: false\nprocess.env['NODE_TLS_REJECT_UNAUTHORIZED'] = '0'")
                == ["JS003:1", "JS004:3", "JS005:4"])
        #expect(
            found("a.js", "createHash('md5')\nconst token = Math.random().toString(36)\nsetTimeout(\"f()\", 1)\ndb.query(`select ${x}`)")
                == ["JS006:1", "JS007:2", "JS008:3", "JS009:4"])
    }

    @Test func swift() {
        #expect(
            found("a.swift", "system(command)\nfunc system(_ c: String) {}\nlet s = \"system(x)\"\n/* /* system(x) */ system(y) */") == [
                "SW001:1"
            ])
        #expect(
            found("a.swift", "run([\"/bin/sh\", \"-c\", \"ls \\(path)\"])\nInsecure.MD5.hash(data: d)\nsqlite3_exec(db, \"drop \\(t)\")")
                == ["SW002:1", "SW005:2", "SW008:3"])
    }

    @Test func otherFilesAreNotLookedAt() {
        #expect(found("notes.txt", "eval(x)\ncurl https://x | sh") == [])
        #expect(found("LICENSE", "eval(x)") == [])
    }

    @Test func everyRuleHasANameOfItsOwn() {
        let ids = StaticRule.all.map(\.id) + DockerfileChecks.rules.map(\.id) + SecretRule.all.map(\.id)
        #expect(ids.count == Set(ids).count)
    }

    @Test func anyTextIsRead() {
        var random = SeededGenerator(seed: 8)
        let sample = Array("x = '''a''' # c\n\"\\\" ${a}\" `b` /* /* */ eval(f\"x\")\n".utf8)
        for round in 0..<3000 {
            let text = random.mutated(sample)
            for language in SourceLanguage.allCases where round % 4 == 0 {
                let masked = MaskedSource(text, language: language)
                #expect(masked.codeOnly.count == text.count && masked.withoutComments.count == text.count)
            }
            _ = scanner.scan(path: ["a.sh", "a.py", "a.js", "a.swift"][round % 4], text: text)
        }
    }
}

@Suite struct DockerfileTests {
    private func found(_ text: String) -> [String] {
        DockerfileChecks.check(Dockerfile(parsing: Array(text.utf8))).map { "\($0.rule):\($0.line)" }
    }

    @Test func aCarefulFileHasNothing() {
        #expect(
            found(
                "# syntax=docker/dockerfile:1\nFROM swift:6.3-jammy AS build\nRUN swift build\nFROM debian:12-slim\nCOPY --from=build /x /x\nUSER app\n"
            ) == [])
        #expect(found("FROM scratch\nUSER 1000\n") == [])
        #expect(found("FROM build:1 AS base\nFROM base\nUSER app") == [])
    }

    @Test func whatIsDangerousIsFound() {
        #expect(found("FROM debian\nUSER app") == ["DF001:1"])
        #expect(found("FROM reg:5000/debian:latest\nUSER app") == ["DF001:1"])
        #expect(found("FROM debian:12\nUSER app\nUSER root") == ["DF002:1"])
        #expect(found("FROM debian:12\nADD https://x/a.tgz /a\nADD --checksum=sha256:1 https://x/b /b\nUSER app") == ["DF003:2"])
        #expect(found("FROM debian:12\nRUN apt-get update && \\\n  # a comment\n  curl https://x | bash\nUSER app") == ["DF004:2"])
        #expect(
            found("FROM debian:12\nENV API_KEY=abc123\nARG DB_PASSWORD=x\nARG TOKEN\nENV SECRET=$S\nUSER app") == ["DF005:2", "DF005:3"])
        #expect(found("FROM debian:12\nENV PASSWORD abc\nCOPY .env id_rsa /app/\nUSER app") == ["DF005:2", "DF006:3"])
        #expect(
            found("FROM debian:12\nRUN <<EOF\nchmod 777 /a\nsudo ls\nEOF\nRUN --security=insecure ls\nUSER app") == [
                "DF007:2", "DF009:2", "DF008:6",
            ])
    }

    @Test func theEscapeCharacterCanBeAnother() {
        let file = Dockerfile(parsing: Array("# escape=`\nFROM a:1\nRUN dir c:\\\nRUN a `\n b\n".utf8))
        #expect(file.instructions.map(\.arguments) == ["a:1", "dir c:\\", "a b"])
    }

    @Test func anyTextIsRead() {
        var random = SeededGenerator(seed: 2)
        let sample = Array("# escape=`\nFROM a AS b\nENV A=1 B=\"2\"\nRUN <<EOF \\\nx\nEOF\nADD http://x y\nUSER\n".utf8)
        for _ in 0..<3000 { _ = DockerfileChecks.check(Dockerfile(parsing: random.mutated(sample))) }
    }
}
