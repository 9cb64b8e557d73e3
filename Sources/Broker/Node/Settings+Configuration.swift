import BrokerStorage

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
    }
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
        maximumConnections = Int(configuration.maxConnections)
        maximumIdleMs = configuration.connectionsMaxIdleMs
    }
}
