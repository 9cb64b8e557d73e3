import BotKit
import Envelopes
import MeshTesting
import Testing

@testable import Topology

@Suite struct ConfigurationLoaderTests {
    private func problems(_ text: String) -> [String] { Sample.load(text).problems.map(\.description) }

    @Test func everyFieldIsRead() throws {
        let mesh = Sample.load(
            """
            bot: { name: MyBot, version: "2.1.0-rc.1+5", enabled: true, description: Mine, category: data }
            triggers:
              - { type: event, pattern: build.*, filter: "branch in ['main', 'release/*']", priority: high }
              - { type: schedule, pattern: "0 */2 * * *" }
              - { type: manual, pattern: now }
            actions:
              - { name: run, type: execute, command: "make ${branch} ${artifact.url}", timeout: 1.5, on_success: tell, on_failure: call }
              - { name: tell, type: message, parameters: { event: my.thing, severity: info, payload: { status: "${run.exit_status}" } } }
              - { name: call, type: http, parameters: { url: "https://x.org/${env.TOKEN}", method: POST, body: { id: "${event.id}" } } }
            constraints:
              max_concurrent_jobs: 3
              timeout: 60
              rate_limit: { requests_per_minute: 10, burst_size: 5 }
              retry_policy: { max_attempts: 5, backoff: linear, initial_delay: 1, max_delay: 9 }
              resource_limits: { cpu: "1500m", memory: 2Gi }
            dependencies: { optional: [LintBot] }
            outputs: [{ type: file, destination: "file:///var/x", format: json, retention: 30 }]
            security: { permissions: [{ resource: env.TOKEN, actions: [read] }] }
            monitoring:
              health_check: { enabled: false, interval: 5, endpoint: /h }
              metrics: { enabled: false, push_interval: 7 }
              logging: { level: debug, format: text }
            notifications: [{ event: my.thing, channels: [slack], severity: critical, template: "x" }]
            """, variables: ["TOKEN": "${branch}", "OTHER": "no"])
        #expect(mesh.errors.isEmpty)
        let fields = [
            "actions[1].parameters.event", "constraints.resource_limits.cpu", "monitoring.health_check.interval",
            "monitoring.metrics.push_interval",
        ]
        #expect(mesh.warnings.map(\.path) == fields)
        let bot = try #require(mesh["MyBot"])
        #expect(bot.isCustom)
        var expected = BotConfiguration(
            name: "MyBot", version: "2.1.0-rc.1+5", isEnabled: true, description: "Mine", category: .data,
            triggers: [
                .init(kind: .event, pattern: "build.*", filter: "branch in ['main', 'release/*']", priority: .high),
                .init(kind: .schedule, pattern: "0 */2 * * *"), .init(kind: .manual, pattern: "now"),
            ],
            actions: bot.configuration.actions,
            constraints: .init(
                maximumConcurrentJobs: 3, timeout: .seconds(60), rateLimit: .init(requestsPerMinute: 10, burstSize: 5),
                retry: RetryPolicy(maximumAttempts: 5, backoff: .linear, initialDelay: .seconds(1), maximumDelay: .seconds(9)),
                resources: .init(cpuMillicores: 1500, memoryBytes: 2 << 30)),
            dependencies: .init(optional: ["LintBot"]),
            outputs: [.init(kind: .file, destination: "file:///var/x", format: "json", retentionDays: 30)],
            permissions: [Permission(resource: "env.TOKEN", actions: ["read"])],
            monitoring: .init(
                healthCheckEnabled: false, healthCheckInterval: .seconds(5), healthCheckEndpoint: "/h", metricsEnabled: false,
                metricsPushInterval: .seconds(7), logLevel: .debug, logFormat: .text),
            notifications: [.init(event: "my.thing", channels: ["slack"], severity: .critical, template: "x")])
        expected.environment = ["TOKEN": "${branch}"]
        #expect(bot.configuration == expected)
        let actions = bot.configuration.actions
        #expect(actions.map(\.name) == ["run", "tell", "call"])
        #expect(actions[0].timeout == .milliseconds(1500) && actions[0].onSuccess == "tell" && actions[0].onFailure == "call")
        #expect(actions[2].parameters["url"]?.string == "https://x.org/${env.TOKEN}")
    }

    @Test func breakersOfDependencies() {
        func breakers(_ name: String, _ text: String) -> BreakerPolicies? {
            let mesh = Sample.load(
                """
                bot: { name: \(name) }
                triggers: [{ type: manual, pattern: now }]
                actions: [{ type: execute, command: a }]
                constraints: { circuit_breaker: { \(text) } }
                """)
            return mesh.errors.isEmpty ? mesh.bots[0].configuration.constraints.breakers : nil
        }
        let standard = BreakerPolicy(failures: 2, pause: .milliseconds(1500), probes: 3)
        let own = "dependencies: { execute: { pause: 60 }, \"http:docs.example.org:8080\": { failures: 9, probes: 1 } }"
        #expect(
            breakers("MyBot", "failures: 2, pause: 1.5, probes: 3, \(own)")
                == BreakerPolicies(
                    standard: standard,
                    byDependency: [
                        "execute": BreakerPolicy(failures: 2, pause: .seconds(60), probes: 3),
                        "http:docs.example.org:8080": BreakerPolicy(failures: 9, pause: .milliseconds(1500), probes: 1),
                    ]))
        #expect(breakers("MyBot", "") == BreakerPolicies())
        for wrong in [
            "failures: 0", "failures: 1001", "pause: 0", "pause: 3601", "probes: 101", "dependencies: [execute]",
            "dependencies: { exec: {} }", "dependencies: { \"http:\": {} }", "dependencies: { \"http:Docs.org\": {} }",
            "dependencies: { execute: { dependencies: {} } }",
        ] { #expect(breakers("MyBot", wrong) == nil, "\(wrong)") }
    }

    /// Of a bot that comes with the mesh: its kinds of calls, and the servers of those that go to any.
    @Test(arguments: [
        ("probe.http", true), ("probe.http:shop.example.org", true), ("deploy.switch", true), ("deploy.switch:shop.example.org", false),
        ("http:shop.example.org", false),
    ]) func aBreakerIsOfAServerWhereTheKindHasServers(_ dependency: String, _ isKnown: Bool) {
        let mesh = Sample.load(
            """
            bot: { name: DeployBot }
            triggers: [{ type: event, pattern: deploy.completed }]
            actions: [{ name: a, type: deploy.directory }]
            constraints: { circuit_breaker: { dependencies: { "\(dependency)": { failures: 9 } } } }
            """)
        #expect(mesh.errors.map(\.what) == (isKnown ? [] : ["the bot does not depend on '\(dependency)'"]))
        #expect(mesh.errors.isEmpty || mesh.errors[0].description.contains("probe.http:HOST, the host in lower case"))
    }

    @Test func theOlderForm() {
        let mesh = Sample.load(
            """
            bot: { name: MyBot }
            triggers: [{ type: event, pattern: build.completed }]
            actions:
              - { type: execute, command: a }
              - { type: execute, command: b }
            constraints: { retry_policy: { max_attempts: 2, backoff: fixed } }
            outputs: [{ type: file, destination: /var/x }]
            dependencies: [BuildBot]
            """)
        #expect(mesh.errors.isEmpty)
        let configuration = mesh.bots[0].configuration
        #expect(configuration.actions.map(\.name) == ["action_1", "action_2"])
        #expect(configuration.actions[0].onSuccess == "action_2" && configuration.actions[1].onSuccess == nil)
        #expect(configuration.dependencies.required == ["BuildBot"])
        #expect(configuration.constraints.retry?.maximumAttempts == 2 && configuration.constraints.retry?.backoff == .fixed)
    }

    @Test func environmentVariablesFillParametersOfBuiltInBots() {
        let text = """
            bot: { name: BuildBot }
            triggers: [{ type: event, pattern: code.committed }]
            actions: [{ name: a, type: git.checkout, parameters: { token: "x${env.CI}y", list: ["${env.CI}"], other: "${branch}" } }]
            """
        let mesh = Sample.load(text, variables: ["CI": "1"])
        #expect(mesh.errors.isEmpty)
        let parameters = mesh.bots[0].configuration.actions[0].parameters
        #expect(parameters == .object(["token": .string("x1y"), "list": .array([.string("1")]), "other": .string("${branch}")]))
        #expect(Sample.load(text, variables: [:]).errors.map(\.what).allSatisfy { $0 == "${env.CI}: the variable CI is not set" })
        #expect(problems(text.replacing("env.CI", with: "env.HOME")).first?.contains("not permitted") == true)
    }

    @Test func warningsDoNotFail() {
        let mesh = Sample.load(
            """
            bot: { name: MyBot }
            triggers:
              - { type: event, pattern: nobody.knows }
              - { type: webhook, pattern: /hooks/x }
            actions: [{ name: one, type: execute, command: "echo ${anything}" }]
            dependencies: { required: [OtherBot] }
            outputs: [{ type: file, destination: "s3://x" }]
            security: { encryption: { enabled: true, algorithm: AES-256 }, authentication: { method: token } }
            """)
        #expect(mesh.errors.isEmpty)
        #expect(mesh.warnings.count == 7)
        #expect(mesh.problems.first { $0.what.contains("anything") }?.position.description == "f.yaml:5:54")
    }

    @Test(arguments: [
        ("${one.output}", "does not come before"), ("${two.output}", "no output"), ("${artifact.ulr}", "${artifact.ulr} is not defined"),
        ("${env.HOME}", "not permitted"), ("${event.idd}", "nearest is 'event.id'"),
    ]) func undefinedNames(_ name: String, _ expected: String) {
        let other = name.contains("two") ? "${zero.outptu}" : name
        let found = problems(
            """
            bot: { name: MyBot }
            triggers: [{ type: event, pattern: build.completed }]
            actions:
              - { name: zero, type: execute, command: "echo x", on_success: one }
              - { name: one, type: execute, command: "echo \(other)" }
            """)
        #expect(found.count == 1 && found[0].contains(expected), "\(found)")
    }

    @Test func definedNames() {
        #expect(
            problems(
                """
                bot: { name: MyBot }
                triggers: [{ type: event, pattern: build.completed }, { type: schedule, pattern: "0 * * * *" }]
                actions:
                  - { name: zero, type: execute, command: "echo ${branch} ${artifact.url} ${run.id} ${fired_at}", on_success: one, on_failure: zero }
                  - { name: one, type: execute, command: "echo ${zero.stdout} $${x}" }
                """
            ).isEmpty)
    }

    @Test func acrossFiles() {
        func check(_ texts: [String: String], whole: Bool = true) -> [String] {
            Sample.load(texts, whole: whole).problems.map(\.description)
        }
        #expect(
            check(["a.yaml": Sample.custom("A"), "b.yaml": Sample.custom("A")])[0].hasPrefix(
                "b.yaml:1:14: the bot 'A' is configured twice; the other is at a.yaml:1:14"))
        #expect(check(["a.yaml": Sample.custom("A"), "b.yaml": Sample.custom("a")])[0].contains("differ only in upper and lower case"))
        #expect(
            check(["a.yaml": Sample.custom("Alpha", "dependencies: [Bravoo]"), "b.yaml": Sample.custom("Bravo")])[0].contains(
                "is not in the mesh, expected one of Alpha, Bravo, nearest is 'Bravo'"))
        let disabled = Sample.custom("B").replacing("name: B", with: "name: B, enabled: false")
        #expect(
            check(["a.yaml": Sample.custom("A", "dependencies: [B]"), "b.yaml": disabled]) == [
                "a.yaml:4:16: A requires B, which is disabled"
            ])
        #expect(
            check(["a.yaml": Sample.custom("A", "dependencies: { conflicts: [B] }"), "b.yaml": Sample.custom("B")])[0].contains(
                "A conflicts with B"))
        #expect(check(["a.yaml": Sample.custom("A", "dependencies: { conflicts: [B] }"), "b.yaml": disabled]).isEmpty)
        let circle = check([
            "a.yaml": Sample.custom("A", "dependencies: [B]"), "b.yaml": Sample.custom("B", "dependencies: [C]"),
            "c.yaml": Sample.custom("C", "dependencies: [A]"),
        ])
        #expect(circle == ["a.yaml:4:16: the dependencies go round in a circle: A → B → C → A"])
    }

    @Test func theBotItselfJudges() {
        var knowledge = Sample.knowledge
        knowledge.judge = { _ in ConfigurationError(path: "actions[0].command", message: "too long for me") }
        let source = ConfigurationSource(.init(file: "f.yaml", bytes: Array(Sample.custom().utf8)))
        let found = ConfigurationLoader.load([source], knowledge: knowledge).problems.map(\.description)
        #expect(found == ["f.yaml:3:48: actions[0].command: too long for me"])
    }

    @Test func hostileFiles() {
        for text in ["", "[]", "a", "bot: 5", "bot: []", "triggers: {}", "bot: { name: [] }", "- bot", "{", "actions: [[[]]]"] {
            #expect(!problems(text).isEmpty, "\(text)")
        }
    }

    /// Whatever stands in a file: no trap, and either a configuration or a reason.
    @Test func fuzz() {
        var random = SeededGenerator(seed: 5)
        let sections = ConfigurationReader.sections
        let values = [
            "5", "x", "[]", "{}", "null", "[a, b]", "{ type: event }", "[{ type: execute, name: a, on_success: a }]", "{ name: B }",
            "\"${x}\"", "[[]]", "-1", "yes",
        ]
        for _ in 0..<1500 {
            let text = sections.shuffled(using: &random).prefix(5).map { "\($0): \(values.randomElement(using: &random) ?? "")" }.joined(
                separator: "\n")
            #expect(!problems(text).isEmpty)
        }
    }
}
