import KafkaProtocol

/// What is done to a resource, with the numbers of the protocol.
public enum ACLOperation: Int8, Sendable, CaseIterable {
    case unknown = 0
    case any = 1
    case all = 2
    case read = 3
    case write = 4
    case create = 5
    case delete = 6
    case alter = 7
    case describe = 8
    case clusterAction = 9
    case describeConfigs = 10
    case alterConfigs = 11
    case idempotentWrite = 12
}

/// What something is done to, with the numbers of the protocol.
public enum ACLResourceType: Int8, Sendable, CaseIterable {
    case unknown = 0
    case any = 1
    case topic = 2
    case group = 3
    case cluster = 4
    case transactionalID = 5
}

/// Decides who may do what. On the broker's thread.
public protocol Authorizer: AnyObject {
    /// - Parameter name: the topic, group or transactional id; `kafka-cluster` for the cluster.
    func allows(_ operation: ACLOperation, _ type: ACLResourceType, _ name: String, _ context: RequestContext) -> Bool
    /// Whether there can be any name of the type for which the operation is allowed: who may write to some topic may ask for a producer id.
    func allowsSomewhere(_ operation: ACLOperation, _ type: ACLResourceType, _ context: RequestContext) -> Bool
}

extension Authorizer {
    public func allowsSomewhere(_ operation: ACLOperation, _ type: ACLResourceType, _ context: RequestContext) -> Bool { false }
}

/// Lets everybody do everything: a broker without authentication.
public final class OpenAuthorizer: Authorizer {
    public init() {}
    public func allows(_ operation: ACLOperation, _ type: ACLResourceType, _ name: String, _ context: RequestContext) -> Bool { true }
    public func allowsSomewhere(_ operation: ACLOperation, _ type: ACLResourceType, _ context: RequestContext) -> Bool { true }
}
