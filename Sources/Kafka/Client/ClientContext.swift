import CRdKafka
import Glibc
import Synchronization

/// What librdkafka's callbacks reach through their opaque pointer. Lives until `rd_kafka_destroy` has returned.
///
/// Sendable although `consumer` is not: it is set before the client is polled and read only by the rebalance callback, which runs inside a
/// poll or close of the thread that owns the consumer.
final class ClientContext: @unchecked Sendable {
    let observer: ClientObserver
    /// The least urgent of librdkafka's messages that the observer is told, or that are printed where there is none, as syslog counts. 7: all that librdkafka
    /// writes, which chooses by its own settings then.
    private let logLevel: Int32
    weak var consumer: Consumer?
    let joinWatch = JoinWatch()
    /// Delivery reports of a producer, until they are collected.
    let deliveries: Mutex<DeliveryLog>

    init(observer: ClientObserver, logLevel: Int32 = 7, keepsOnlyFailures: Bool = false) {
        self.observer = observer
        self.logLevel = logLevel
        deliveries = Mutex(DeliveryLog(keepsOnlyFailures: keepsOnlyFailures))
    }

    static func of(_ opaque: UnsafeMutableRawPointer?) -> ClientContext? {
        opaque.map { Unmanaged<ClientContext>.fromOpaque($0).takeUnretainedValue() }
    }

    fileprivate func log(_ client: OpaquePointer, _ level: Int32, _ facility: UnsafePointer<CChar>, _ message: UnsafePointer<CChar>) {
        if strcmp(facility, JoinWatch.facility) == 0 { joinWatch.changed(String(cString: message)) }
        guard level <= logLevel else { return }
        guard let log = observer.log else { return rd_kafka_log_print(client, level, facility, message) }
        log(.init(level: level, facility: String(cString: facility), message: String(cString: message)))
    }
}

func logCallback(client: OpaquePointer?, level: Int32, facility: UnsafePointer<CChar>?, message: UnsafePointer<CChar>?) {
    guard let client, let facility, let message else { return }
    ClientContext.of(rd_kafka_opaque(client))?.log(client, level, facility, message)
}

func statisticsCallback(
    client: OpaquePointer?, json: UnsafeMutablePointer<CChar>?, size: Int, opaque: UnsafeMutableRawPointer?
) -> Int32 {
    if let json { ClientContext.of(opaque)?.observer.statistics?(Array(UnsafeRawBufferPointer(start: json, count: size))) }
    return 0
}

func errorCallback(client: OpaquePointer?, code: Int32, reason: UnsafePointer<CChar>?, opaque: UnsafeMutableRawPointer?) {
    guard let client, let report = ClientContext.of(opaque)?.observer.error else { return }
    let code = rd_kafka_resp_err_t(code)
    if code == RD_KAFKA_RESP_ERR__FATAL, let fatal = fatalError(of: client) {
        report(fatal)
    } else {
        report(KafkaError(code, reason.map(String.init(cString:))))
    }
}

/// The fatal error that a client has run into, if any.
func fatalError(of client: OpaquePointer) -> KafkaError? {
    var buffer = [CChar](repeating: 0, count: 512)
    let code = rd_kafka_fatal_error(client, &buffer, buffer.count)
    guard code != RD_KAFKA_RESP_ERR_NO_ERROR else { return nil }
    return KafkaError(
        code: code.rawValue, name: String(cString: rd_kafka_err2name(code)), message: text(buffer), isFatal: true)
}
