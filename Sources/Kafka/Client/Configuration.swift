import CRdKafka
import Synchronization

/// The one owner of a librdkafka configuration, until `makeClient` hands it to a client.
struct Configuration: ~Copyable {
    private let pointer: OpaquePointer
    private var hasInterceptors = false

    /// Addresses of configurations that were refused with their interceptors. Where librdkafka 2.0.2 refuses late, it frees the interceptors and would free
    /// them again with the configuration; late and early are not told apart here, so none is freed. They are noted so that they are no leak to whoever looks for
    /// leaks. Some 10 kB each, without a limit: a bot whose certificates vanish while it runs asks for a consumer again every five seconds.
    private static let leftBehind = Mutex<[UInt]>([])

    /// `defaults` are applied first, then the settings, then `overrides`, which no setting can change.
    init(_ settings: ClientSettings, defaults: [String: String], overrides: [String: String]) throws(SettingsError) {
        pointer = rd_kafka_conf_new()
        // librdkafka's own limit between two attempts to connect is 10 s: a broker that comes back would stand unused for so long.
        if settings["reconnect.backoff.ms"] == nil { try set("reconnect.backoff.max.ms", "1000") }
        for (name, value) in defaults.sorted(by: { $0.key < $1.key }) where settings[name] == nil { try set(name, value) }
        for (name, value) in settings.sorted where overrides[name] == nil { try set(name, value) }
        for (name, value) in overrides.sorted(by: { $0.key < $1.key }) { try set(name, value) }
    }

    private borrowing func set(_ name: String, _ value: String) throws(SettingsError) {
        var buffer = [CChar](repeating: 0, count: 512)
        let result = rd_kafka_conf_set(pointer, name, value, &buffer, buffer.count)
        guard result != RD_KAFKA_CONF_OK else { return }
        guard result != RD_KAFKA_CONF_UNKNOWN else { throw .unknownProperty(name) }
        let reason = ClientSettings.isSecret(name) ? "librdkafka refuses it" : text(buffer)
        throw .badValue(property: name, reason: reason)
    }

    mutating func attach(_ context: ClientContext, isConsumer: Bool) {
        rd_kafka_conf_set_opaque(pointer, Unmanaged.passUnretained(context).toOpaque())
        if isConsumer || context.observer.log != nil { rd_kafka_conf_set_log_cb(pointer, logCallback) }
        if context.observer.statistics != nil {
            rd_kafka_conf_set_stats_cb(pointer, statisticsCallback)
        } else {
            // They would wait to be polled, and a client that only asks is never polled.
            rd_kafka_conf_set(pointer, "statistics.interval.ms", "0", nil, 0)
        }
        rd_kafka_conf_set_error_cb(pointer, errorCallback)
        if isConsumer {
            rd_kafka_conf_set_rebalance_cb(pointer, rebalanceCallback)
            context.joinWatch.attach(to: pointer)
            hasInterceptors = true
        } else {
            rd_kafka_conf_set_dr_msg_cb(pointer, deliveryCallback)
        }
    }

    /// Makes the client; the configuration is its own from then on.
    consuming func makeClient(_ type: rd_kafka_type_t) throws(SettingsError) -> OpaquePointer {
        MainLoopNap.begin()
        var buffer = [CChar](repeating: 0, count: 512)
        guard let client = rd_kafka_new(type, pointer, &buffer, buffer.count) else {
            _ = consume self
            throw .unusable(reason: text(buffer))
        }
        discard self
        return client
    }

    deinit {
        if hasInterceptors {
            let address = UInt(bitPattern: pointer)
            Self.leftBehind.withLock { $0.append(address) }
        } else {
            rd_kafka_conf_destroy(pointer)
        }
    }
}

/// The text in a C buffer.
func text(_ buffer: [CChar]) -> String {
    String(decoding: buffer.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
}
