import KafkaProtocol

extension ACLResourceType {
    /// What can be done to a resource of this type.
    var operations: [ACLOperation] {
        switch self {
        case .topic: [.read, .write, .create, .describe, .delete, .alter, .describeConfigs, .alterConfigs]
        case .group: [.read, .describe, .delete, .describeConfigs, .alterConfigs]
        case .cluster: [.create, .clusterAction, .describeConfigs, .alterConfigs, .idempotentWrite, .alter, .describe]
        case .transactionalID: [.describe, .write]
        case .unknown, .any: []
        }
    }
}

/// The name of the one resource of type `ACLResourceType.cluster`.
let clusterResourceName = "kafka-cluster"

extension Authorizer {
    /// What the caller may do, as answers say it: bit n stands for operation n.
    func authorizedOperations(_ type: ACLResourceType, _ name: String, _ context: RequestContext) -> Int32 {
        type.operations.reduce(0) { bits, operation in allows(operation, type, name, context) ? bits | 1 << Int32(operation.rawValue) : bits
        }
    }

    func allowsCluster(_ operation: ACLOperation, _ context: RequestContext) -> Bool {
        allows(operation, .cluster, clusterResourceName, context)
    }
}
