import BotKit
import Envelopes

/// The channels of NotificationBot's configuration with their secrets filled in from the environment: what the performers send with.
///
/// Only performers hold it; requests, which are journalled and audited, name a channel and nothing more.
public struct ChannelBook: Sendable {
    private let channels: [String: NotificationChannel]
    private let environment: [String: String]

    /// - Parameter environment: where `${env.NAME}` is looked for.
    public init(configuration: BotConfiguration, environment: [String: String]) throws(ConfigurationError) {
        let actions = configuration.actions.isEmpty ? NotificationChannel.standard : configuration.actions
        var channels: [String: NotificationChannel] = [:]
        for (index, action) in actions.enumerated() { channels[action.name] = try NotificationChannel(action, index: index) }
        self.channels = channels
        self.environment = environment
    }

    /// The channel that a request names.
    func channel(_ name: String) throws(CallFailure) -> NotificationChannel {
        guard let channel = channels[name] else {
            throw CallFailure(.permanent, code: "unknown-channel", message: "no channel '\(name)' is configured")
        }
        return channel
    }

    /// The channels whose `${env.NAME}` the environment does not have, with those names: to be said at start-up.
    public var missingVariables: [(channel: String, variable: String)] {
        channels.values.sorted { $0.name < $1.name }.flatMap { channel in
            channel.settings.texts.flatMap { text in
                Self.variables(text).filter { environment[$0] == nil }.map { (channel.name, $0) }
            }
        }
    }

    /// The text with `${env.NAME}` filled in.
    func filled(_ text: String, channel: String) throws(CallFailure) -> String {
        let template: Template
        do {
            template = try Template(parsing: text, syntax: .dollar)
        } catch {
            throw CallFailure(.permanent, code: "bad-channel", message: "a setting of channel '\(channel)' cannot be read")
        }
        for name in template.names {
            guard name.hasPrefix("env."), environment[String(name.dropFirst(4))]?.isEmpty == false else {
                throw CallFailure(
                    .permanent, code: "missing-variable",
                    message: "channel '\(channel)' needs ${\(name)}, which the environment of NotificationBot does not have")
            }
        }
        return template.render { environment[String($0.dropFirst(4))].map(JSONValue.string) }
    }

    private static func variables(_ text: String) -> [String] {
        guard let template = try? Template(parsing: text, syntax: .dollar) else { return [] }
        return template.names.filter { $0.hasPrefix("env.") }.map { String($0.dropFirst(4)) }
    }
}

extension NotificationChannel.Settings {
    fileprivate var texts: [String] {
        switch self {
        case .console, .file: []
        case .slack(let url): [url]
        case .email(let email): [email.host, email.user, email.password, email.sender].compactMap(\.self) + email.recipients
        case .pagerDuty(let key, let url): [key, url]
        }
    }
}
