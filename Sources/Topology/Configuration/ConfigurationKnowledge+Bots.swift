import BotKit
import Envelopes

extension ConfigurationKnowledge {
    /// What the catalogue says, and what these built-in bots say of themselves: their contracts, and whether they can work with a configuration.
    public init(bots: [any Bot.Type], catalogue: EventCatalogue) {
        let types = Dictionary(bots.map { ($0.contract.name, $0) }, uniquingKeysWith: { first, _ in first })
        self.init(catalogue: catalogue, contracts: bots.map { $0.contract }) { configuration in
            guard let bot = types[configuration.name] else { return nil }
            do throws(ConfigurationError) {
                _ = try bot.init(configuration: configuration)
                return nil
            } catch {
                return error
            }
        }
    }
}
