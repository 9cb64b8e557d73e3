import BrokerStorage
import Glibc

// How the keys of the configuration reach the parts.

extension StorageSettings {
    init(_ configuration: BrokerConfiguration) {
        self.init()
        flushIntervalMs = configuration.logFlushIntervalMs
        flushBytes = Int(configuration.logFlushIntervalBytes)
        syncsBeforeAcknowledging = configuration.logFlushStrict
        indexIntervalBytes = Int(configuration.logIndexIntervalBytes)
        retentionCheckIntervalMs = configuration.logRetentionCheckIntervalMs
        producerExpirationMs = Int64(configuration.producerIdExpirationMs)
        maximumOpenFiles = min(maximumOpenFiles, descriptorLimit / 4)
    }
}

/// How many descriptors this process may have.
private var descriptorLimit: Int {
    var limit = rlimit()
    return getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 ? Int(clamping: limit.rlim_cur) : 1024
}

extension TopicSettings {
    var logSettings: LogSettings {
        var settings = LogSettings()
        settings.retentionMs = retentionMs
        settings.retentionBytes = retentionBytes
        settings.segmentBytes = Int(segmentBytes)
        settings.segmentMs = segmentMs
        settings.cleanupPolicy = []
        if deletes { settings.cleanupPolicy.insert(.delete) }
        if compacts { settings.cleanupPolicy.insert(.compact) }
        settings.maxMessageBytes = Int(maxMessageBytes)
        settings.messageTimestampType = messageTimestampType == .createTime ? .create : .append
        settings.minCleanableDirtyRatio = minCleanableDirtyRatio
        settings.deleteRetentionMs = deleteRetentionMs
        settings.minCompactionLagMs = minCompactionLagMs
        settings.maxCompactionLagMs = maxCompactionLagMs
        settings.fileDeleteDelayMs = fileDeleteDelayMs
        return settings
    }
}

extension GroupSettings {
    init(_ configuration: BrokerConfiguration) {
        self.init()
        minimumSessionTimeoutMs = configuration.groupMinSessionTimeoutMs
        maximumSessionTimeoutMs = configuration.groupMaxSessionTimeoutMs
        initialRebalanceDelayMs = configuration.groupInitialRebalanceDelayMs
        maximumMembers = Int(configuration.groupMaxSize)
        maximumOffsetMetadataBytes = Int(configuration.offsetMetadataMaxBytes)
        offsetsRetentionMs = configuration.offsetsRetentionMs
        retentionCheckIntervalMs = configuration.offsetsRetentionCheckIntervalMs
        producerExpirationMs = Int64(configuration.producerIdExpirationMs)
    }
}

extension TransactionSettings {
    init(_ configuration: BrokerConfiguration) {
        self.init()
        maximumTimeoutMs = configuration.transactionMaxTimeoutMs
        idExpirationMs = Int64(configuration.transactionalIdExpirationMs)
        expirationIntervalMs = Int64(configuration.transactionCleanupIntervalMs)
    }
}

extension Server.Settings {
    init(_ configuration: BrokerConfiguration) {
        self.init()
        maximumRequestBytes = Int(configuration.socketRequestMaxBytes)
        // The other half is for files.
        maximumConnections = min(Int(configuration.maxConnections), max(8, descriptorLimit / 2))
        maximumIdleMs = configuration.connectionsMaxIdleMs
    }
}
