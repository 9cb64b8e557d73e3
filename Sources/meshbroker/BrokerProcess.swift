import Broker
import Glibc
import Telemetry
import Terminal

/// Wires a broker to the command line, signals, log lines, and HTTP.
struct BrokerProcess {
    static let signals = [SIGTERM, SIGINT]

    private let directory: String
    private let listen: ListenAddress
    private let configuration: BrokerConfiguration
    private let users: [User]?
    private let healthPort: UInt16
    private let faultPort: UInt16?
    private let logger: Logger

    init(_ invocation: Invocation) throws {
        guard let directory = invocation["data-dir"], !directory.isEmpty else {
            throw UsageError("--data-dir is missing: name a directory that the broker keeps its data in")
        }
        self.directory = directory
        let address = invocation["listen"] ?? ""
        guard let listen = ListenAddress(address) else {
            throw UsageError("--listen is '\(address)'; write HOST:PORT, e.g. 127.0.0.1:9092")
        }
        self.listen = listen
        configuration =
            try invocation["config"].map { path throws(ConfigurationError) in try BrokerConfiguration(path: path) } ?? BrokerConfiguration()
        users = try invocation["users"].map { path throws(ConfigurationError) in try UsersFile.read(path) }
        guard users == nil || !configuration.saslEnabledMechanisms.isEmpty else {
            throw UsageError("--users names who may log in, and nobody has to: set sasl.enabled.mechanisms=PLAIN in the file of --config")
        }
        healthPort = UInt16(try invocation.integer("health-port", in: 0...65_535) ?? 0)
        faultPort = try invocation.integer("fault-port", in: 0...65_535).map { UInt16($0) }
        logger = Logger(bot: "meshbroker", format: invocation["log-format"] == "json" ? .json : .text)
    }

    /// Serves until a signal.
    func run() throws {
        let logger = logger
        raiseFileLimit()
        let node = try BrokerNode(configuration: configuration, directory: directory, listen: listen, users: users) { notice in
            switch notice.level {
            case .info: logger.info(notice.text)
            case .warning: logger.warn(notice.text)
            case .error: logger.error(notice.text)
            }
        }
        try node.onSignals(Self.signals) { [unowned node] signal in
            logger.info("ending on signal \(signal)")
            node.stop()
        }
        let metrics = BrokerMetrics(node)
        let health = try HealthServer(port: healthPort, routes: metrics.routes)
        let faults = try faultPort.map { port throws(HealthServerError) in
            try HealthServer(port: port, routes: [:], commands: FaultCommands(node.access).routes)
        }
        announce(node, health, faults)
        node.run()
        health.stop()
        faults?.stop()
        logger.info("ended; everything is on the disk")
    }

    private func announce(_ node: BrokerNode, _ health: HealthServer, _ faults: HealthServer?) {
        for warning in configuration.securityWarnings(node.address) { logger.warn(warning) }
        if let faults { logger.warn("faults can be injected at 127.0.0.1:\(faults.port); never do that with data that you want to keep") }
        let mode = configuration.logFlushStrict ? "synced before it is acknowledged" : "synced each \(configuration.logFlushIntervalMs) ms"
        logger.info("listening on \(node.address); data in \(directory), \(mode); http://127.0.0.1:\(health.port)/health and /metrics")
    }

    /// Each connection and each open segment takes a descriptor.
    private func raiseFileLimit() {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0, limit.rlim_cur < limit.rlim_max else { return }
        limit.rlim_cur = limit.rlim_max
        if setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) != 0 { logger.warn("the limit of open files cannot be raised") }
    }
}
