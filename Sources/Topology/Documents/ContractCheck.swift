import BotKit
import Envelopes

/// Whether contracts fit the catalogue and one another: what `mesh contract check` finds. Pure.
public struct ContractCheck: Sendable {
    /// One thing that does not fit.
    public struct Finding: Sendable, Equatable, CustomStringConvertible {
        public enum Severity: String, Sendable { case error, warning }
        public let severity: Severity
        public let bot: String
        public let message: String

        public var description: String { "\(bot): \(severity == .warning ? "warning: " : "")\(message)" }
    }

    private let contracts: [Contract]
    private let catalogue: EventCatalogue
    /// The kinds of calls that can be performed here.
    private let performed: Set<CallKind>?

    /// `performed` are the kinds of calls that somebody performs; nil leaves calls unchecked.
    public init(contracts: [Contract], catalogue: EventCatalogue, performed: Set<CallKind>? = nil) {
        self.contracts = contracts
        self.catalogue = catalogue
        self.performed = performed
    }

    /// In the order of the contracts, errors of a bot first.
    public var findings: [Finding] {
        contracts.flatMap { contract -> [Finding] in
            let errors = consumed(contract) + cancels(contract) + produced(contract) + calls(contract)
            return errors.map { Finding(severity: .error, bot: contract.name, message: $0) }
                + starved(contract).map { Finding(severity: .warning, bot: contract.name, message: $0) }
        }
    }

    private var names: [String] { catalogue.types.map(\.name) }

    private func unknown(_ verb: String, _ type: EventType) -> String {
        let nearest = NearestName.of(type.name, in: names).map { "; did you mean '\($0)'?" } ?? ""
        return "\(verb) \(type.name), which topics/ does not have as an event" + nearest
    }

    private func consumed(_ contract: Contract) -> [String] {
        contract.consumes.compactMap { type in
            guard let pattern = try? EventPattern(parsing: type.name) else { return "consumes '\(type.name)', which is no pattern" }
            guard pattern.isWild else { return isEvent(type) ? nil : unknown("consumes", type) }
            return catalogue.types.contains(where: pattern.matches) ? nil : "consumes \(type.name), which matches no event"
        }
    }

    private func isEvent(_ type: EventType) -> Bool { catalogue[type].map { $0.kind == .event } ?? false }

    private func cancels(_ contract: Contract) -> [String] {
        contract.cancels.compactMap { signal in
            guard let definition = catalogue[signal.type] else { return unknown("is cancelled by", signal.type) }
            guard !definition.fields.contains(signal.runField) else { return nil }
            return "is cancelled by \(signal.type.name), which has no field \(signal.runField)"
        }
    }

    private func produced(_ contract: Contract) -> [String] {
        contract.produces.compactMap { type in
            guard let definition = catalogue[type] else { return unknown("produces", type) }
            guard definition.mayBeProduced(byBot: contract.name) else {
                let allowed = ([definition.owner] + definition.producers).joined(separator: ", ")
                return "produces \(type.name), which only \(allowed) may"
            }
            return nil
        }
    }

    private func calls(_ contract: Contract) -> [String] {
        guard let performed else { return [] }
        return contract.calls.filter { !performed.contains($0) }.map { "calls \($0.name), which nobody performs" }
    }

    /// An event that neither a bot of the mesh nor people produce will never come.
    private func starved(_ contract: Contract) -> [String] {
        let produced = Set(contracts.flatMap(\.produces))
        return contract.consumes.compactMap { type in
            guard let definition = catalogue[type], !produced.contains(type) else { return nil }
            let others = [EventDefinition.anyone, EventDefinition.mesh, EventDefinition.everyBot]
            guard !([definition.owner] + definition.producers).contains(where: others.contains) else { return nil }
            return "consumes \(type.name), which nobody in this mesh produces (it is \(definition.owner)'s)"
        }
    }
}
