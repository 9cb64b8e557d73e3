import Calls
import Envelopes
import FoundationEssentials
import Glibc
import Kafka
import LoopbackPorts
import Terminal

/// The main job, shown: a commit travels the mesh to a deployed service that answers.
struct Demo {
    private let invocation: Invocation
    private let mesh: LocalMesh
    private let directory: String

    init(_ invocation: Invocation) throws {
        self.invocation = invocation
        mesh = try LocalMesh(invocation)
        directory = invocation.dataDirectory + "/demo"
    }

    func run() throws -> Int32 {
        defer { mesh.stopAndWait() }
        try checkPorts()
        try mesh.start()
        let repository = try makeRepository()
        let good = try follow(repository, "Price service with discounts", until: .deployed)
        if invocation.has("all") {
            try showFailingTest(repository)
            try showRollback(repository)
        }
        try finish(good)
        return 0
    }

    /// The demo's services need their ports; those of an earlier run of this demo may have them.
    private func checkPorts() throws {
        let own = Set(ServiceRecord.all(dataDirectory: mesh.dataDirectory).filter(\.isAlive).compactMap(\.port))
        for environment in mesh.bots.first(where: { $0.name == "DeployBot" })?.actions ?? [] {
            guard let port = environment.parameters["port"]?.integer.flatMap({ UInt16(exactly: $0) }), !own.contains(Int(port)),
                FreePort.accepts(port)
            else { continue }
            throw CommandFailure(
                "port \(port), which the demo's \(environment.name) needs, is taken by another process. If that is the service of another demo, "
                    + "end it there with: mesh down. Else change the port in deploy/bots/demo/DeployBot.yaml")
        }
    }

    private func makeRepository() throws -> DemoRepository {
        let dataDirectory = mesh.dataDirectory
        let repository = try DemoRepository(directory: directory, template: mesh.home.demo + "/shop", environment: invocation.environment) {
            _ = try $0.install(mesh: Executable.path, url: nil, brokers: nil, dataDirectory: dataDirectory)
        }
        if let earlier = repository.earlier { mesh.say("git", "moved the repositories of an earlier run to \(earlier)") }
        mesh.say("git", "made \(repository.bare) with a post-receive hook, and a clone of it")
        return repository
    }

    /// Pushes a commit, prints its events as they come, and gives the run's events when `goal` is reached.
    private func follow(_ repository: DemoRepository, _ message: String, until goal: Follower.Goal) throws -> [EventReader.Entry] {
        let follower = try Follower(mesh: mesh, repository: "file://" + repository.bare, lastEnvironment: mesh.lastEnvironment)
        defer { follower.close() }
        mesh.say("git", "git push: \"\(message)\"")
        try repository.push(message)
        return try follower.follow(until: goal)
    }

    private func showFailingTest(_ repository: DemoRepository) throws {
        mesh.say("demo", "next, a commit with a mistake that a test finds: it must stop at TestBot")
        try repository.edit("shop.py", replacing: "(100 - DISCOUNTS", with: "(100 + DISCOUNTS")
        let events = try follow(repository, "Raise prices by mistake", until: .stopped("test.failed"))
        guard !events.contains(where: { $0.envelope.type == "deploy.started" }) else {
            throw CommandFailure("a commit with a failing test was deployed")
        }
        try repository.edit("shop.py", replacing: "(100 + DISCOUNTS", with: "(100 - DISCOUNTS")
    }

    private func showRollback(_ repository: DemoRepository) throws {
        mesh.say("demo", "next, a commit that passes every test and fails in service: it must be rolled back")
        // Its second port is free beside the trial instance, and taken by production where staging is live.
        try repository.edit(
            "shop.py", replacing: "    print(f\"shop listens",
            with: """
                    metrics = ThreadingHTTPServer(("127.0.0.1", server.server_port + 1), Handler)
                    threading.Thread(target=metrics.serve_forever, daemon=True).start()
                    print(f"shop listens
                """)
        try repository.edit("shop.py", replacing: "import os\n", with: "import os\nimport threading\n")
        _ = try follow(repository, "Metrics on the port above", until: .stopped("deploy.rolled_back"))
        mesh.say("demo", "last, the commit that takes it back: it must go all the way again")
        try repository.edit(
            "shop.py",
            replacing: """
                    metrics = ThreadingHTTPServer(("127.0.0.1", server.server_port + 1), Handler)
                    threading.Thread(target=metrics.serve_forever, daemon=True).start()

                """, with: "")
        try repository.edit("shop.py", replacing: "import os\nimport threading\n", with: "import os\n")
        _ = try follow(repository, "No metrics on the port above", until: .deployed)
    }

    private func finish(_ events: [EventReader.Entry]) throws {
        mesh.say("timeline", "the first commit's run, \(events.first?.envelope.correlationID ?? "")")
        Terminal.write("\n" + Timeline(entries: events).text(mesh.style) + "\n", to: STDOUT_FILENO)
        for url in Set(events.filter { $0.envelope.type == "deploy.completed" }.flatMap { $0.payload["health_urls"]?.array ?? [] })
            .compactMap(\.string).sorted()
        {
            let answer = try open(url)
            mesh.say("service", "\(url) answers \(answer)")
        }
        let artifact = events.first { $0.envelope.type == "build.completed" }?.payload["artifact"]?["url"]?.string
        mesh.say("artifacts", "\(artifact ?? "none") and the scan's SARIF and CycloneDX files beside it")
        mesh.say("logs", "\(mesh.dataDirectory)/logs, notifications in \(mesh.dataDirectory)/notifications.log")
        Terminal.write(
            """

            The service goes on running. What to try next:
              \(program) up --env demo\(options)
                  the mesh again; then commit in \(directory)/shop, and git push
              kcat -C \(mesh.kcatAddress) -t build.completed -o beginning -e -f '%h %s\\n'
                  what the bots wrote, while the mesh is up
              \(program) demo --all\(options)
                  also a failing test, and a bad deploy that is rolled back
              \(program) down\(dataOption)
                  stop the deployed service

            """, to: STDOUT_FILENO)
    }

    /// The program as it was called.
    private var program: String { Swift.CommandLine.arguments[0] }
    private var dataOption: String { invocation["data-dir"] == ".botmesh" ? "" : " --data-dir \(invocation.dataDirectory)" }
    private var options: String {
        dataOption + (invocation["port"] == "9092" ? "" : " --port \(invocation["port"] ?? "")")
            + (invocation.has("secure") ? " --secure" : "")
    }

    /// Opens a URL that a deploy reported; a `CommandFailure` when it does not answer 2xx.
    private func open(_ url: String) throws -> String {
        let client = HTTPClient(policy: .publicOnly(except: ["127.0.0.1", "localhost"]))
        let response = try waitFor { try await client.send(HTTPRequest(url)) }
        guard response.isSuccess else { throw CommandFailure("\(url) answered \(response.status)") }
        return "\(response.status) \(String(decoding: response.body.prefix(200), as: UTF8.self))"
    }
}
