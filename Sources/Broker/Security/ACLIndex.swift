/// All ACLs, found by what they are about without looking at the others.
struct ACLIndex {
    /// What the ACLs say about one question.
    struct Decision {
        /// Some ACL is about the resource, whoever it names.
        var isRuled = false
        var isDenied = false
        var isAllowed = false
    }

    /// Who asks what.
    struct Question {
        let operation: ACLOperation
        let principal: String
        /// As `HostName.canonical` spells it.
        let host: String
    }

    /// By number of the type.
    private var types = [ACLTypeRules](repeating: ACLTypeRules(), count: ACLResourceType.allCases.count)

    mutating func insert(_ binding: ACLBinding) { types[Int(binding.pattern.type.rawValue)].insert(binding) }
    mutating func remove(_ binding: ACLBinding) { types[Int(binding.pattern.type.rawValue)].remove(binding) }

    func decide(_ question: Question, _ type: ACLResourceType, _ name: String) -> Decision {
        types[Int(type.rawValue)].decide(question, name)
    }

    /// Whether there is a name that is denied wherever it is (`*`), and whether there is one that is allowed and not denied.
    func decideSomewhere(_ question: Question, _ type: ACLResourceType) -> Decision { types[Int(type.rawValue)].decideSomewhere(question) }
}

/// An ACL without what it is about.
struct ACLRule: Equatable {
    /// nil for everybody.
    private let principal: String?
    /// nil for every address.
    private let host: String?
    /// Bit n stands for operation n.
    private let operations: UInt16
    let permission: ACLPermission

    init(_ binding: ACLBinding) {
        principal = binding.principal == ACLBinding.everybody ? nil : binding.principal
        host = binding.host == ACLBinding.everywhere ? nil : HostName.canonical(binding.host)
        permission = binding.permission
        // Leave implies what is needed to use it; denial says no more than it says.
        let meant = binding.permission == .allow ? binding.operation.implied : [binding.operation]
        operations = binding.operation == .all ? .max : meant.reduce(0) { $0 | 1 << UInt16($1.rawValue) }
    }

    func answers(_ question: ACLIndex.Question) -> Bool {
        operations & 1 << UInt16(question.operation.rawValue) != 0 && (principal.map { $0 == question.principal } ?? true)
            && (host.map { $0 == question.host } ?? true)
    }
}

extension ACLOperation {
    /// The operation and what may be done by whoever may do it.
    fileprivate var implied: [ACLOperation] {
        switch self {
        case .read, .write, .delete, .alter: [self, .describe]
        case .alterConfigs: [self, .describeConfigs]
        default: [self]
        }
    }
}

extension ACLIndex.Decision {
    mutating func take(_ rules: [ACLRule], _ question: ACLIndex.Question) {
        isRuled = isRuled || !rules.isEmpty
        for rule in rules where rule.answers(question) {
            if rule.permission == .deny { isDenied = true } else { isAllowed = true }
        }
    }
}
