import BotKit
import Envelopes

extension ConfigurationReader {
    mutating func readConstraints(_ root: Fields) {
        let keys = ["max_concurrent_jobs", "timeout", "rate_limit", "retry_policy", "resource_limits", "circuit_breaker"]
        guard let fields = root.section("constraints", keys: keys) else { return }
        var constraints = BotConfiguration.Constraints()
        if let jobs = fields.integer("max_concurrent_jobs", in: 1...1000) { constraints.maximumConcurrentJobs = jobs }
        if let timeout = fields.seconds("timeout") { constraints.timeout = timeout }
        constraints.rateLimit = rateLimit(fields)
        constraints.retry = retryPolicy(fields)
        constraints.breakers = breakers(fields)
        if let limits = fields.section("resource_limits", keys: ["cpu", "memory"]) {
            constraints.resources.cpuMillicores = quantity("cpu", limits).flatMap { Int(exactly: $0.thousandths) }
            if constraints.resources.cpuMillicores != nil, let node = limits["cpu"] {
                sink.warning(
                    node.position, limits.at("cpu"),
                    "\(limits.at("cpu")) has no effect yet: memory and time are limited, processor time is not")
            }
            if let memory = quantity("memory", limits), let node = limits["memory"] {
                if memory.units < 1 << 20 {
                    sink.error(
                        node.position, limits.at("memory"), "\(node.scalar?.text ?? "") is less than one mebibyte",
                        expected: "an amount of memory such as 512Mi or 2Gi")
                } else {
                    constraints.resources.memoryBytes = Int(exactly: memory.units)
                }
            }
        }
        change { $0.configuration.constraints = constraints }
    }

    private func rateLimit(_ fields: Fields) -> BotConfiguration.RateLimit? {
        guard let limit = fields.section("rate_limit", keys: ["requests_per_minute", "burst_size"]) else { return nil }
        if !limit.isGiven("requests_per_minute") { limit.missing("requests_per_minute", expected: "a whole number from 1 to 1000000") }
        guard let requests = limit.integer("requests_per_minute", in: 1...1_000_000) else { return nil }
        return BotConfiguration.RateLimit(requestsPerMinute: requests, burstSize: limit.integer("burst_size", in: 1...1_000_000) ?? 1)
    }

    private func retryPolicy(_ fields: Fields) -> RetryPolicy? {
        guard let policy = fields.section("retry_policy", keys: ["max_attempts", "backoff", "initial_delay", "max_delay"]) else {
            return nil
        }
        var retry = contract?.retry ?? .standard
        if let attempts = policy.integer("max_attempts", in: 1...100) { retry.maximumAttempts = attempts }
        if let backoff: RetryPolicy.Backoff = policy.choice("backoff") { retry.backoff = backoff }
        if let delay = policy.seconds("initial_delay", in: 0...86_400) { retry.initialDelay = delay }
        if let delay = policy.seconds("max_delay", in: 0...86_400) { retry.maximumDelay = delay }
        if retry.maximumDelay < retry.initialDelay, let node = policy["max_delay"] ?? policy["initial_delay"] {
            sink.error(
                node.position, policy.path, "max_delay is shorter than initial_delay", expected: "initial_delay up to max_delay, in seconds"
            )
        }
        return retry
    }

    private func quantity(_ key: String, _ fields: Fields) -> Quantity? {
        guard let node = fields[key] else { return nil }
        guard let text = node.scalar?.text, node.bool == nil else {
            fields.wrong(key, node, expected: Quantity.expected)
            return nil
        }
        do throws(LanguageError) {
            return try Quantity(parsing: text)
        } catch {
            sink.error(node, fields.at(key), "bad quantity: \(error.message)", line: 1, column: error.column)
            return nil
        }
    }

    mutating func readDependencies(_ root: Fields) {
        guard let node = root["dependencies"] else { return }
        var dependencies = BotConfiguration.Dependencies()
        if node.sequence != nil {
            dependencies.required = names("dependencies", root, .required)
        } else if let fields = root.section("dependencies", keys: ["required", "optional", "conflicts"]) {
            dependencies.required = names("required", fields, .required)
            dependencies.optional = names("optional", fields, .optional)
            dependencies.conflicts = names("conflicts", fields, .conflict)
        }
        for (index, name) in (dependencies.required + dependencies.optional).enumerated() where dependencies.conflicts.contains(name) {
            let word = index < dependencies.required.count ? "required" : "optional"
            sink.error(node.position, "dependencies", "'\(name)' is both \(word) and a conflict")
        }
        change { $0.configuration.dependencies = dependencies }
    }

    private mutating func names(_ key: String, _ fields: Fields, _ kind: ReadConfiguration.Mention) -> [String] {
        var seen: Set<String> = []
        var names: [String] = []
        for (index, (name, node)) in fields.strings(key, expected: "a list of bots").enumerated() {
            let path = "\(fields.at(key))[\(index)]"
            if !Self.isName(name) {
                sink.error(node.position, path, "'\(name.prefix(80))' is no bot's name", expected: "letters, digits, '-' and '_'")
            } else if name == result.configuration.name {
                sink.error(node.position, path, "\(name) names itself among its dependencies")
            } else if !seen.insert(name).inserted {
                sink.error(node.position, path, "'\(name)' stands twice")
            } else {
                names.append(name)
                change { $0.mentions.append((name, kind, node.position, path)) }
            }
        }
        return names
    }

    mutating func readOutputs(_ root: Fields) {
        var outputs: [BotConfiguration.OutputDestination] = []
        for (index, item) in root.list("outputs", expected: "a list of outputs").enumerated() {
            let path = "outputs[\(index)]"
            let expected = "a mapping such as { type: file, destination: \"file:///var/lib/mesh/reports\" }"
            guard item.pairs != nil else {
                sink.error(item.position, path, "\(path) is \(item.kindDescription)", expected: expected)
                continue
            }
            guard let fields = Fields(item, path: path, keys: ["type", "destination", "format", "retention"], sink: sink) else { continue }
            if !fields.isGiven("type") { fields.missing("type", expected: "one of message, file, metric, log") }
            let kind: BotConfiguration.OutputDestination.Kind? = fields.choice("type")
            let destination = fields.requiredString("destination", expected: "where the output goes")
            let output = BotConfiguration.OutputDestination(
                kind: kind ?? .log, destination: destination ?? "", format: fields.string("format", expected: "a format such as json"),
                retentionDays: fields.integer("retention", in: 1...36_500))
            guard let kind, let destination, let node = fields["destination"] else { continue }
            check(destination, kind, node, path: fields.at("destination"))
            outputs.append(output)
        }
        change { $0.configuration.outputs = outputs }
    }

    private mutating func check(_ destination: String, _ kind: BotConfiguration.OutputDestination.Kind, _ node: YAMLNode, path: String) {
        switch kind {
        case .message:
            guard Self.isName(destination) else {
                sink.error(
                    node.position, path, "'\(destination.prefix(80))' is no bot's name", expected: "the bot that the message is meant for")
                return
            }
            change { $0.mentions.append((destination, .destination, node.position, path)) }
        case .file:
            if destination.hasPrefix("s3://") {
                sink.warning(node.position, path, "s3 destinations have no effect yet")
            } else if !destination.hasPrefix("file:///") && !destination.hasPrefix("/") {
                sink.error(
                    node.position, path, "\(path) is '\(destination.prefix(80))'",
                    expected: "a URL such as file:///var/lib/mesh/reports, or an absolute path")
            }
        case .metric, .log: break
        }
    }

    mutating func readSecurity(_ root: Fields) {
        guard let fields = root.section("security", keys: ["permissions", "encryption", "authentication"]) else { return }
        if fields.isGiven("permissions") {
            var permissions: [Permission] = []
            for (index, item) in fields.list("permissions", expected: "a list of permissions").enumerated() {
                let path = "security.permissions[\(index)]"
                guard let permission = Fields(item, path: path, keys: ["resource", "actions"], sink: sink) else { continue }
                let resource = permission.requiredString("resource", expected: "what may be used, e.g. git-repository or env.HOME")
                if !permission.isGiven("actions") { permission.missing("actions", expected: "a list such as [read]") }
                let actions = permission.strings("actions", expected: "a list such as [read]").map(\.text)
                if let resource, let node = permission["resource"] { check(resource: resource, node, "\(path).resource") }
                if let resource { permissions.append(Permission(resource: resource, actions: actions)) }
            }
            change { $0.configuration.permissions = permissions }
        }
        if let encryption = fields.section("encryption", keys: ["enabled", "algorithm"]) {
            let isEnabled = encryption.bool("enabled") ?? true
            _ = encryption.string("algorithm", expected: "an algorithm such as AES-256")
            if isEnabled { sink.warning(encryption.node.position, "security.encryption", "encryption has no effect yet") }
        }
        if let authentication = fields.section("authentication", keys: ["method"]) {
            _ = authentication.choice("method", ["token", "certificate", "oauth"])
            sink.warning(authentication.node.position, "security.authentication", "authentication has no effect yet")
        }
    }

    /// A resource that no contract knows grants nothing.
    private func check(resource: String, _ node: YAMLNode, _ path: String) {
        guard !resource.hasPrefix("env."), !resource.hasPrefix("host.") else { return }
        let known = Set(knowledge.contracts.values.flatMap { $0.permissions.map(\.resource) }.filter { !$0.hasPrefix("env.") }).union([
            "network"
        ])
        guard !knowledge.contracts.isEmpty, !known.contains(resource) else { return }
        sink.warning(
            node.position, path, "no bot asks for the resource '\(resource)', so this has no effect",
            expected: "one of \(known.sorted().joined(separator: ", ")), env.NAME, host.NAME",
            nearest: NearestName.of(resource, in: known.sorted()))
    }

    mutating func readMonitoring(_ root: Fields) {
        guard let fields = root.section("monitoring", keys: ["health_check", "metrics", "logging"]) else { return }
        var monitoring = BotConfiguration.Monitoring()
        if let check = fields.section("health_check", keys: ["enabled", "interval", "endpoint"]) {
            monitoring.healthCheckEnabled = check.bool("enabled") ?? true
            if let interval = check.seconds("interval", in: 1...86_400), let node = check["interval"] {
                monitoring.healthCheckInterval = interval
                sink.warning(
                    node.position, check.at("interval"), "\(check.at("interval")) has no effect: the process looks at itself every second")
            }
            if let endpoint = check.string("endpoint", expected: "a path that begins with '/'") {
                monitoring.healthCheckEndpoint = endpoint
                if !endpoint.hasPrefix("/"), let node = check["endpoint"] {
                    sink.error(
                        node.position, check.at("endpoint"), "\(check.at("endpoint")) is '\(endpoint)'",
                        expected: "a path that begins with '/'", nearest: "/\(endpoint)")
                }
            }
        }
        if let metrics = fields.section("metrics", keys: ["enabled", "push_interval"]) {
            monitoring.metricsEnabled = metrics.bool("enabled") ?? true
            if let interval = metrics.seconds("push_interval", in: 1...86_400), let node = metrics["push_interval"] {
                monitoring.metricsPushInterval = interval
                sink.warning(
                    node.position, metrics.at("push_interval"),
                    "\(metrics.at("push_interval")) has no effect: metrics are fetched from /metrics, not pushed")
            }
        }
        if let logging = fields.section("logging", keys: ["level", "format"]) {
            if let level: BotConfiguration.Monitoring.LogLevel = logging.choice("level") { monitoring.logLevel = level }
            if let format: BotConfiguration.Monitoring.LogFormat = logging.choice("format") { monitoring.logFormat = format }
        }
        change { $0.configuration.monitoring = monitoring }
    }
}
