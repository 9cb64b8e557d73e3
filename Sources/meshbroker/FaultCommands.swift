import Broker
import Glibc
import KafkaProtocol
import Telemetry

/// The fault port: what tests can make go wrong, as POST requests.
///
///     POST /delay?api=Fetch&ms=50&count=10&client=PREFIX    requests are handled later
///     POST /fail?api=Produce&error=7&count=3                requests are answered with an error, and not handled
///     POST /drop?api=Produce&count=1                        the connection ends instead
///     POST /freeze?ms=2000                                  the whole broker stands still
///     POST /cut?client=PREFIX                               connections of these clients end
///     POST /power-cut?seed=7                                files lose what was not synced, and the process ends at once
///     POST /clear
///
/// `api`, `count` and `client` may be left out: any, all until `clear`, all.
struct FaultCommands {
    private let access: BrokerAccess

    init(_ access: BrokerAccess) { self.access = access }

    var routes: [String: HealthServer.Command] {
        [
            "/delay": { arguments in inject(arguments) { number("ms", arguments, 0...3_600_000).map { .delay(Int64($0)) } } },
            "/fail": { arguments in fail(arguments) },
            "/drop": { arguments in inject(arguments) { .drop } },
            "/freeze": { arguments in freeze(arguments) },
            "/cut": { arguments in
                let prefix = arguments["client"] ?? ""
                return command { _ = $0.cutConnections(clientPrefix: prefix) }
            },
            "/power-cut": { arguments in powerCut(arguments) },
            "/clear": { _ in command { $0.faults.clear() } },
        ]
    }

    private func inject(_ arguments: [String: String], _ kind: () -> FaultInjector.Fault.Kind?) -> HealthServer.Response {
        var api: APIKey?
        if let name = arguments["api"] {
            api = APIKey.allCases.first { $0.name == name }
            if api == nil { return refusal("api is '\(name)'; known are \(APIKey.allCases.map(\.name).joined(separator: ", "))") }
        }
        guard let kind = kind() else { return refusal("a number is missing or out of range") }
        let count = arguments["count"].flatMap { Int($0) }
        if arguments["count"] != nil, (count ?? 0) < 1 { return refusal("count is a number from 1") }
        let fault = FaultInjector.Fault(kind, api: api, clientPrefix: arguments["client"] ?? "", count: count)
        return command { $0.faults.add(fault) }
    }

    private func fail(_ arguments: [String: String]) -> HealthServer.Response {
        guard let api = arguments["api"], FailableAPI.names.contains(api) else {
            return refusal("fail needs an api: one of \(FailableAPI.names.joined(separator: ", "))")
        }
        return inject(arguments) { arguments["error"].flatMap { Int16($0) }.flatMap { ErrorCode(rawValue: $0) }.map { .fail($0) } }
    }

    private func freeze(_ arguments: [String: String]) -> HealthServer.Response {
        guard let milliseconds = number("ms", arguments, 1...600_000) else { return refusal("ms is a number from 1 to 600000") }
        access.perform { _ in usleep(UInt32(milliseconds) * 1000) }
        return .text("ok\n")
    }

    private func powerCut(_ arguments: [String: String]) -> HealthServer.Response {
        guard let seed = arguments["seed"].flatMap({ UInt64($0) }) else { return refusal("seed is a number") }
        access.perform { node in
            node.cutUnsynced(seed: seed)
            _exit(137)
        }
        return .text("ok\n")
    }

    private func command(_ body: @escaping @Sendable (BrokerNode) -> Void) -> HealthServer.Response {
        access.perform(body)
        return .text("ok\n")
    }

    private func number(_ name: String, _ arguments: [String: String], _ range: ClosedRange<Int>) -> Int? {
        arguments[name].flatMap { Int($0) }.flatMap { range.contains($0) ? $0 : nil }
    }

    private func refusal(_ reason: String) -> HealthServer.Response { .text(reason + "\n", status: 400) }
}
