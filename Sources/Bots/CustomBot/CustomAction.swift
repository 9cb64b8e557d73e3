import BotKit
import Envelopes

/// One action of a custom bot, its templates read.
struct CustomAction: Sendable {
    enum Work: Sendable {
        case execute(CustomExecute)
        case http(CustomHTTP)
        case message(CustomMessage)
        case notification(CustomNotification)
    }

    let name: String
    let work: Work
    let timeout: Duration?
    let onSuccess: String?
    let onFailure: String?

    init(_ action: BotConfiguration.Action, index: Int, permissions: [Permission]?) throws(ConfigurationError) {
        name = action.name
        timeout = action.timeout
        onSuccess = action.onSuccess
        onFailure = action.onFailure
        let path = "actions[\(index)]"
        let parameters = action.parameters.object ?? [:]
        switch (action.type, action.command ?? "send_message") {
        case ("execute", _):
            guard let command = action.command else { throw ConfigurationError(path: "\(path).command", message: "is missing") }
            work = .execute(try CustomExecute(command, parameters, path, permissions))
        case ("http", _): work = .http(try CustomHTTP(parameters, path, permissions))
        case ("message", "send_message"): work = .message(try CustomMessage(parameters, path))
        case ("message", "send_notification"): work = .notification(try CustomNotification(parameters, path))
        case ("message", let command):
            throw ConfigurationError(path: "\(path).command", message: "'\(command)' is not send_message or send_notification")
        case (let type, _):
            throw ConfigurationError(
                path: "\(path).type", message: "'\(type)' is no action of a custom bot, expected execute, message or http")
        }
    }

    /// The event type that it produces.
    var produced: EventType? {
        switch work {
        case .message(let message): message.eventType
        case .notification: NotificationRequested.type
        case .execute, .http: nil
        }
    }

    var call: CallKind? {
        switch work {
        case .execute: Execute.kind
        case .http: HTTPCall.kind
        case .message, .notification: nil
        }
    }

    var expectedStatus: Set<Int> { if case .http(let http) = work { http.expectedStatus } else { [] } }

    /// Every name that it fills in.
    var names: [String] {
        switch work {
        case .execute(let execute): execute.command.names + execute.environment.flatMap(\.value.names)
        case .http(let http): http.url.names + http.headers.flatMap(\.value.names) + http.body.names
        case .message(let message): message.payload.names + (message.key?.names ?? [])
        case .notification(let notification): notification.fields.names
        }
    }
}

/// A JSON value whose texts have places to fill.
indirect enum CustomTemplate: Sendable {
    case constant(JSONValue)
    case text(Template)
    case list([CustomTemplate])
    case members([String: CustomTemplate])

    init(_ value: JSONValue, _ path: String) throws(ConfigurationError) {
        switch value {
        case .string(let text): self = .text(try Self.template(text, path))
        case .array(let items):
            var list: [CustomTemplate] = []
            for (index, item) in items.enumerated() { list.append(try CustomTemplate(item, "\(path)[\(index)]")) }
            self = .list(list)
        case .object(let members):
            var templates: [String: CustomTemplate] = [:]
            for (name, member) in members { templates[name] = try CustomTemplate(member, "\(path).\(name)") }
            self = .members(templates)
        default: self = .constant(value)
        }
    }

    static func template(_ text: String, _ path: String) throws(ConfigurationError) -> Template {
        do throws(LanguageError) {
            return try Template(parsing: text, syntax: .dollar)
        } catch {
            throw ConfigurationError(path: path, message: error.message)
        }
    }

    /// The value filled in. A text that is one name keeps the type of its value; a member whose name has no value is left out.
    func render(_ value: (String) -> JSONValue?) -> JSONValue? {
        switch self {
        case .constant(let constant): constant
        case .text(let template):
            if let name = template.soleName { value(name) } else { .string(template.render(value)) }
        case .list(let items): .array(items.map { $0.render(value) ?? .null })
        case .members(let members): .object(members.compactMapValues { $0.render(value) })
        }
    }

    var names: [String] {
        switch self {
        case .constant: []
        case .text(let template): template.names
        case .list(let items): items.flatMap(\.names)
        case .members(let members): members.values.flatMap(\.names)
        }
    }
}

struct CustomExecute: Sendable {
    let command: CommandTemplate
    let environment: [String: Template]
    let hasNetwork: Bool

    init(_ command: String, _ parameters: [String: JSONValue], _ path: String, _ permissions: [Permission]?) throws(ConfigurationError) {
        do throws(LanguageError) {
            self.command = try CommandTemplate(parsing: command)
        } catch {
            throw ConfigurationError(path: "\(path).command", message: error.message)
        }
        try CustomAction.refuseStrangers(parameters, known: ["environment", "network"], path)
        var environment: [String: Template] = [:]
        for (name, value) in parameters["environment"]?.object ?? [:] {
            guard !name.isEmpty,
                name.utf8.allSatisfy({
                    $0 == 0x5F || (0x30...0x39).contains($0) || (0x41...0x5A).contains($0) || (0x61...0x7A).contains($0)
                })
            else {
                throw ConfigurationError(
                    path: "\(path).parameters.environment", message: "'\(name)' cannot name a variable, expected letters, digits and '_'")
            }
            environment[name] = try CustomTemplate.template(value.plainText, "\(path).parameters.environment.\(name)")
        }
        self.environment = environment
        hasNetwork = parameters["network"]?.bool ?? false
        if hasNetwork, permissions?.contains(where: { $0.resource == "network" && $0.actions.contains("use") }) != true {
            throw ConfigurationError(
                path: "\(path).parameters.network",
                message: "the network is refused; permit it with { resource: network, actions: [use] }")
        }
    }

    func request(_ step: String, _ values: CustomValues, memoryBytes: Int?, limit: Duration) -> Execute {
        let resolved = command.resolve(values.value)
        let variables = environment.mapValues { String($0.render(values.value).filter { $0 != "\0" }) }
        return Execute(
            step: step, arguments: resolved.arguments, environment: variables.merging(resolved.environment) { $1 }, hasNetwork: hasNetwork,
            memoryBytes: memoryBytes, commandTimeLimit: limit)
    }
}

struct CustomHTTP: Sendable {
    let method: String
    let url: Template
    let headers: [String: Template]
    let body: CustomTemplate
    let expectedStatus: Set<Int>

    private static let methods = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"]

    init(_ parameters: [String: JSONValue], _ path: String, _ permissions: [Permission]?) throws(ConfigurationError) {
        try CustomAction.refuseStrangers(parameters, known: ["url", "method", "headers", "body", "expected_status"], path)
        guard let url = parameters["url"]?.string else {
            throw ConfigurationError(path: "\(path).parameters.url", message: "is missing, expected the URL to call")
        }
        let isPermitted = permissions?.contains {
            ($0.resource == "network" || $0.resource.hasPrefix("host.")) && $0.actions.contains("use")
        }
        guard isPermitted ?? true else {
            throw ConfigurationError(
                path: "\(path).type",
                message: "http is refused; permit it with { resource: network, actions: [use] } in security.permissions")
        }
        self.url = try CustomTemplate.template(url, "\(path).parameters.url")
        let method = parameters["method"]?.string ?? (parameters["body"] == nil ? "GET" : "POST")
        guard Self.methods.contains(method) else {
            throw ConfigurationError(
                path: "\(path).parameters.method", message: "'\(method)' is not one of \(Self.methods.joined(separator: ", "))")
        }
        self.method = method
        var headers: [String: Template] = [:]
        for (name, value) in parameters["headers"]?.object ?? [:] {
            guard !name.isEmpty,
                name.utf8.allSatisfy({
                    $0 == 0x2D || (0x30...0x39).contains($0) || (0x41...0x5A).contains($0) || (0x61...0x7A).contains($0)
                })
            else {
                throw ConfigurationError(path: "\(path).parameters.headers", message: "'\(name)' cannot name a header")
            }
            headers[name] = try CustomTemplate.template(value.plainText, "\(path).parameters.headers.\(name)")
        }
        self.headers = headers
        body = try CustomTemplate(parameters["body"] ?? .null, "\(path).parameters.body")
        let status = parameters["expected_status"]
        expectedStatus = Set((status?.array ?? status.map { [$0] } ?? []).compactMap { $0.integer.map(Int.init) })
        if status != nil, expectedStatus.isEmpty {
            throw ConfigurationError(
                path: "\(path).parameters.expected_status", message: "expected a status such as 200, or a list of them")
        }
    }

    func request(_ values: CustomValues, limit: Duration) -> HTTPCall {
        var lines = headers.mapValues { String($0.render(values.value).filter { !$0.isNewline && $0 != "\0" }) }
        let text: String
        switch body.render(values.value) {
        case nil, .null?: text = ""
        case .string(let body)?: text = body
        case let value?:
            text = value.plainText
            if !lines.keys.contains(where: { $0.lowercased() == "content-type" }) { lines["content-type"] = "application/json" }
        }
        return HTTPCall(method: method, url: address(values), headers: lines, body: text, timeLimit: min(limit, .seconds(300)))
    }

    /// A value at the very beginning is an address; everywhere else it is one part of one, so it cannot change where the request goes.
    private func address(_ values: CustomValues) -> String {
        url.pieces.enumerated().map { index, piece in
            switch piece {
            case .text(let text): text
            case .name(let name): index == 0 ? values.value(name)?.plainText ?? "" : Self.encoded(values.value(name)?.plainText ?? "")
            }
        }.joined()
    }

    private static func encoded(_ text: String) -> String {
        text.utf8.map { byte in
            let isPlain =
                (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte) || "-._~".utf8.contains(byte)
            if isPlain { return String(UnicodeScalar(byte)) }
            let digits = String(byte, radix: 16, uppercase: true)
            return "%" + (digits.count == 1 ? "0" : "") + digits
        }.joined()
    }
}

extension CustomAction {
    static func refuseStrangers(_ parameters: [String: JSONValue], known: [String], _ path: String) throws(ConfigurationError) {
        guard let stranger = parameters.keys.sorted().first(where: { !known.contains($0) }) else { return }
        let nearest = NearestName.of(stranger, in: known).map { ", nearest is '\($0)'" } ?? ""
        throw ConfigurationError(
            path: "\(path).parameters.\(stranger)", message: "unknown parameter, expected one of \(known.joined(separator: ", "))\(nearest)"
        )
    }
}
