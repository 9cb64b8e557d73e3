import KafkaProtocol

/// A change of one resource's configuration, as both requests ask for it.
private struct ConfigChange {
    enum Operation: Int8 {
        case set = 0
        case delete = 1
        case append = 2
        case subtract = 3
    }

    struct Key: Hashable {
        let type: Int8
        let name: String
    }

    let resource: Key
    /// All that is set and not named goes back to its default.
    let replacesAll: Bool
    let entries: [(name: String, operation: Int8, value: String?)]
}

extension ConfigAPI {
    func alter(_ request: AlterConfigsRequest, _ context: RequestContext) -> AlterConfigsResponse {
        let changes = request.resources.map { resource in
            ConfigChange(
                resource: ConfigChange.Key(type: resource.resourceType, name: resource.resourceName), replacesAll: true,
                entries: resource.configs.map { ($0.name, ConfigChange.Operation.set.rawValue, $0.value) })
        }
        var response = AlterConfigsResponse()
        response.responses = perform(changes, validateOnly: request.validateOnly, context).map { resource, error in
            var answer = AlterConfigsResponse.AlterConfigsResourceResponse()
            answer.resourceType = resource.type
            answer.resourceName = resource.name
            answer.errorCode = error?.code.rawValue ?? 0
            answer.errorMessage = error?.message
            return answer
        }
        return response
    }

    func alterIncrementally(_ request: IncrementalAlterConfigsRequest, _ context: RequestContext) -> IncrementalAlterConfigsResponse {
        let changes = request.resources.map { resource in
            ConfigChange(
                resource: ConfigChange.Key(type: resource.resourceType, name: resource.resourceName), replacesAll: false,
                entries: resource.configs.map { ($0.name, $0.configOperation, $0.value) })
        }
        var response = IncrementalAlterConfigsResponse()
        response.responses = perform(changes, validateOnly: request.validateOnly, context).map { resource, error in
            var answer = IncrementalAlterConfigsResponse.AlterConfigsResourceResponse()
            answer.resourceType = resource.type
            answer.resourceName = resource.name
            answer.errorCode = error?.code.rawValue ?? 0
            answer.errorMessage = error?.message
            return answer
        }
        return response
    }

    private func perform(
        _ changes: [ConfigChange], validateOnly: Bool, _ context: RequestContext
    ) -> [(resource: ConfigChange.Key, error: ResourceError?)] {
        let repeated = TopicAPI.repeated(changes.map(\.resource))
        var answered: Set<ConfigChange.Key> = []
        return changes.filter { answered.insert($0.resource).inserted }.map { change in
            do throws(ResourceError) {
                guard !repeated.contains(change.resource) else {
                    throw ResourceError(.invalidRequest, "Each resource must appear at most once.")
                }
                try perform(change, validateOnly: validateOnly, context)
                return (change.resource, nil)
            } catch {
                return (change.resource, error)
            }
        }
    }

    private func perform(_ change: ConfigChange, validateOnly: Bool, _ context: RequestContext) throws(ResourceError) {
        switch try resourceType(change.resource.type) {
        case .broker:
            try checkBroker(change.resource.name, for: .alterConfigs, context)
            throw ResourceError(
                .invalidRequest,
                "The broker's configuration is read from its file when it starts: change it there, and start the broker again.")
        case .topic:
            let topic = try topic(change.resource.name, for: .alterConfigs, context)
            let overrides = try overrides(of: topic, after: change)
            let settings = try registry.settings(overrides)
            guard !topic.isInternal || settings.cleanupPolicy == ["compact"] else {
                throw ResourceError(.invalidConfig, "The broker keeps its state in \(topic.name): its cleanup.policy must be compact.")
            }
            if !validateOnly, overrides != topic.overrides { try registry.configure(topic, overrides) }
        }
    }

    private func overrides(of topic: Topic, after change: ConfigChange) throws(ResourceError) -> [String: String] {
        guard TopicAPI.repeated(change.entries.map(\.name)).isEmpty else {
            throw ResourceError(.invalidRequest, "Error due to duplicate config keys")
        }
        var overrides = change.replacesAll ? [:] : topic.overrides
        for entry in change.entries {
            guard let operation = ConfigChange.Operation(rawValue: entry.operation) else {
                throw ResourceError(.invalidRequest, "Unknown operation \(entry.operation) for configuration \(entry.name)")
            }
            if operation == .delete {
                overrides[entry.name] = nil
                continue
            }
            guard let value = entry.value else {
                throw ResourceError(.invalidRequest, "Null value not supported for configuration \(entry.name)")
            }
            overrides[entry.name] = operation == .set ? value : try edited(entry.name, of: topic, operation, value)
        }
        return overrides
    }

    /// A list with words more or less.
    private func edited(_ name: String, of topic: Topic, _ operation: ConfigChange.Operation, _ value: String) throws(ResourceError)
        -> String
    {
        guard let setting = TopicSettings.setting(name) else { return value }
        guard setting.type == .list else {
            throw ResourceError(.invalidConfig, "Can't \(operation) to key \(name) because its type is not LIST.")
        }
        let words = SettingText.words(setting.read(topic.settings))
        let named = SettingText.words(value)
        let edited = operation == .append ? words + named.filter { !words.contains($0) } : words.filter { !named.contains($0) }
        return edited.joined(separator: ",")
    }
}
