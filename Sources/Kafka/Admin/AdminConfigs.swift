import CRdKafka

/// What a configuration belongs to.
public enum ConfigResource: Hashable, Sendable, CustomStringConvertible {
    case topic(String)
    case broker(Int32)

    var type: rd_kafka_ResourceType_t {
        switch self {
        case .topic: RD_KAFKA_RESOURCE_TOPIC
        case .broker: RD_KAFKA_RESOURCE_BROKER
        }
    }
    var name: String {
        switch self {
        case .topic(let name): name
        case .broker(let id): "\(id)"
        }
    }
    /// Where a setting comes from that was made on it.
    var ownSource: rd_kafka_ConfigSource_t {
        switch self {
        case .topic: RD_KAFKA_CONFIG_SOURCE_DYNAMIC_TOPIC_CONFIG
        case .broker: RD_KAFKA_CONFIG_SOURCE_DYNAMIC_BROKER_CONFIG
        }
    }
    public var description: String {
        switch self {
        case .topic(let name): "topic \(name)"
        case .broker(let id): "broker \(id)"
        }
    }
}

/// One setting of a topic or broker.
public struct ConfigEntry: Sendable, Equatable {
    public let name: String
    /// nil where the broker does not show it.
    public let value: String?
    public let isReadOnly: Bool
    /// It was set on this very topic or broker. Of a topic, what was set on a broker for all topics is not.
    public let isOwn: Bool
}

extension AdminClient {
    /// The settings of a topic or broker, by name.
    public func describeConfigs(
        _ resource: ConfigResource, timeout: Duration = standardTimeout
    ) throws(KafkaError) -> [String: ConfigEntry] {
        var requests = try configRequest(resource)
        return try perform(
            RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS, "describe \(resource)", timeout: timeout,
            submit: { rd_kafka_DescribeConfigs($0, &requests.pointers, requests.pointers.count, $1, $2) },
            read: { event throws(KafkaError) in
                var count = 0
                let answers = rd_kafka_DescribeConfigs_result_resources(rd_kafka_event_DescribeConfigs_result(event), &count)
                guard let answer = elements(answers, count).first else {
                    throw KafkaError(RD_KAFKA_RESP_ERR__BAD_MSG, "describe \(resource): the broker's answer is empty")
                }
                try checkResource(answer, resource)
                var entryCount = 0
                let entries = rd_kafka_ConfigResource_configs(answer, &entryCount)
                var result: [String: ConfigEntry] = [:]
                for entry in elements(entries, entryCount).map({ ConfigEntry(reading: $0, of: resource) }) {
                    result[entry.name] = entry
                }
                return result
            })
    }

    /// Changes some settings of a topic or broker and keeps the others; a nil value goes back to the default.
    ///
    /// librdkafka 2.0.2 has only the call that resets what it does not name, so this reads, changes and writes: two at the same time can undo each other.
    public func alterConfigs(
        _ resource: ConfigResource, _ changes: [String: String?], timeout: Duration = standardTimeout
    ) throws(KafkaError) {
        let deadline = Deadline(after: timeout)
        var values: [String: String] = [:]
        for entry in try describeConfigs(resource, timeout: timeout).values where entry.isOwn && !entry.isReadOnly {
            guard let value = entry.value else {
                guard changes[entry.name] == nil else { continue }
                throw KafkaError(
                    RD_KAFKA_RESP_ERR__INVALID_ARG,
                    "\(resource): \(entry.name) is hidden by the broker and would be lost; change it with the broker's own tools")
            }
            values[entry.name] = value
        }
        for (name, value) in changes { values[name] = value }
        var requests = try configRequest(resource)
        let request = requests.pointers[0]
        for (name, value) in values.sorted(by: { $0.key < $1.key }) {
            try check(rd_kafka_ConfigResource_set_config(request, name, value), "\(resource), \(name)")
        }
        try perform(
            RD_KAFKA_ADMIN_OP_ALTERCONFIGS, "alter \(resource)", timeout: Self.requestLimit(of: timeout, remaining: deadline.remaining),
            submit: { rd_kafka_AlterConfigs($0, &requests.pointers, requests.pointers.count, $1, $2) },
            read: { event throws(KafkaError) in
                var count = 0
                let answers = rd_kafka_AlterConfigs_result_resources(rd_kafka_event_AlterConfigs_result(event), &count)
                for answer in elements(answers, count) { try checkResource(answer, resource) }
            })
    }

    private func configRequest(_ resource: ConfigResource) throws(KafkaError) -> HandleArray {
        guard let request = rd_kafka_ConfigResource_new(resource.type, resource.name) else {
            throw KafkaError(RD_KAFKA_RESP_ERR__INVALID_ARG, "\(resource) cannot be named")
        }
        var requests = HandleArray(free: rd_kafka_ConfigResource_destroy)
        requests.append(request)
        return requests
    }

    private func checkResource(_ answer: OpaquePointer, _ resource: ConfigResource) throws(KafkaError) {
        let code = rd_kafka_ConfigResource_error(answer)
        guard code != RD_KAFKA_RESP_ERR_NO_ERROR else { return }
        throw KafkaError(code, optionalText(rd_kafka_ConfigResource_error_string(answer))).at("\(resource)")
    }
}

extension ConfigEntry {
    fileprivate init(reading entry: OpaquePointer, of resource: ConfigResource) {
        self.init(
            name: optionalText(rd_kafka_ConfigEntry_name(entry)) ?? "", value: optionalText(rd_kafka_ConfigEntry_value(entry)),
            isReadOnly: rd_kafka_ConfigEntry_is_read_only(entry) > 0, isOwn: rd_kafka_ConfigEntry_source(entry) == resource.ownSource)
    }
}
