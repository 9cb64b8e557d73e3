import KafkaProtocol
import Testing

@testable import Broker

@Suite struct ACLAuthorizerTests {
    @Test func nothingIsAllowedWithoutAnACLButToSuperUsers() throws {
        let fixture = try SecurityFixture(superUsers: ["User:root"])
        #expect(!fixture.may(.read, "orders"))
        #expect(!fixture.mayWriteSomewhere())
        try fixture.add(.deny(.all, "*", to: "User:*"))
        #expect(fixture.may(.read, "orders", as: "root"))
        #expect(fixture.mayWriteSomewhere("root"))
    }

    @Test func literalsPrefixesAndTheWildcardMatchWhatTheyName() throws {
        let fixture = try SecurityFixture()
        try fixture.add(.allow(.read, "orders"), .allow(.write, "build.", prefixed: true), .allow(.delete, "*"))
        #expect(fixture.may(.read, "orders"))
        #expect(!fixture.may(.read, "orders2"))
        #expect(!fixture.may(.read, "order"))
        #expect(fixture.may(.write, "build."))
        #expect(fixture.may(.write, "build.completed"))
        #expect(!fixture.may(.write, "build"))
        #expect(fixture.may(.delete, "anything"))
        #expect(!fixture.may(.read, "orders", .group))
    }

    @Test func denialIsStrongerThanLeaveWhateverItsPattern() throws {
        for denial in [
            ACLBinding.deny(.write, "a.b"), .deny(.write, "a.", prefixed: true), .deny(.all, "*"), .deny(.write, "a.b", to: "User:*"),
        ] {
            let fixture = try SecurityFixture()
            try fixture.add(.allow(.all, "a.b"), .allow(.all, "a", prefixed: true), .allow(.all, "*"), denial)
            #expect(!fixture.may(.write, "a.b"), "\(denial)")
        }
    }

    @Test func leaveImpliesWhatIsNeededToUseItAndDenialDoesNot() throws {
        for operation in [ACLOperation.read, .write, .delete, .alter, .describe, .all] {
            let fixture = try SecurityFixture()
            try fixture.add(.allow(operation, "t"))
            #expect(fixture.may(.describe, "t"), "\(operation)")
            #expect(fixture.may(.describeConfigs, "t") == (operation == .all))
        }
        for operation in [ACLOperation.create, .describeConfigs, .alterConfigs] {
            let fixture = try SecurityFixture()
            try fixture.add(.allow(operation, "t"))
            #expect(!fixture.may(.describe, "t"), "\(operation)")
            #expect(fixture.may(.describeConfigs, "t") == (operation != .create))
        }
        let fixture = try SecurityFixture()
        try fixture.add(.allow(.describe, "t"), .deny(.read, "t"), .allow(.write, "u"), .deny(.describe, "u"))
        #expect(fixture.may(.describe, "t"))
        #expect(!fixture.may(.describe, "u"))
        #expect(fixture.may(.write, "u"))
    }

    @Test func everybodyAndAddressesAreAsNamed() throws {
        let fixture = try SecurityFixture()
        try fixture.add(
            .allow(.read, "open", to: "User:*"), .allow(.read, "near", from: "10.0.0.1"), .allow(.read, "six", from: "0:0:0:0:0:0:0:1"))
        #expect(fixture.may(.read, "open", as: "ANONYMOUS"))
        #expect(fixture.may(.read, "near"))
        #expect(fixture.may(.read, "near", from: "::ffff:10.0.0.1"))
        #expect(!fixture.may(.read, "near", from: "10.0.0.2"))
        #expect(!fixture.may(.read, "near", as: "bob"))
        #expect(fixture.may(.read, "six", from: "::1"))
    }

    @Test func whatNoACLIsAboutIsOpenWhenTheConfigurationSaysSo() throws {
        let fixture = try SecurityFixture(allowsUnruled: true)
        try fixture.add(.allow(.read, "mine", to: "User:bob"), .deny(.read, "p.", prefixed: true))
        #expect(fixture.may(.read, "other"))
        #expect(!fixture.may(.read, "mine"))
        #expect(!fixture.may(.write, "p.x", as: "bob"))
        #expect(fixture.mayWriteSomewhere())
        try fixture.add(.deny(.write, "*"))
        #expect(!fixture.mayWriteSomewhere())
    }

    @Test func somewhereIsNowhereWhenAllThatIsAllowedIsDenied() throws {
        let fixture = try SecurityFixture()
        try fixture.add(.allow(.write, "a.b"), .deny(.write, "a.", prefixed: true))
        #expect(!fixture.mayWriteSomewhere())
        try fixture.add(.allow(.write, "a.c", prefixed: true))
        #expect(!fixture.mayWriteSomewhere())
        try fixture.add(.allow(.write, "a", prefixed: true))
        #expect(fixture.mayWriteSomewhere())
        try fixture.add(.deny(.write, "*"))
        #expect(!fixture.mayWriteSomewhere())
        #expect(!fixture.mayWriteSomewhere("bob"))
    }

    /// Against the plain reading of the rules: look at all ACLs one by one.
    @Test func theIndexDecidesAsLookingAtAllDoes() throws {
        var random = SplitMix(20_260_401)
        let names = ["a", "ab", "abc", "abd", "b", "a.b", "a.", "é", "éa", "*", "abcabc"]
        for _ in 0..<300 {
            let fixture = try SecurityFixture()
            var all: Set<ACLBinding> = []
            for _ in 0..<12 {
                let binding = ACLBinding(
                    pattern: ACLPattern(
                        type: .topic, name: names.randomElement(using: &random)!,
                        patternType: Bool.random(using: &random) ? .literal : .prefixed),
                    principal: ["User:alice", "User:*", "User:bob"].randomElement(using: &random)!, host: "*",
                    operation: [.read, .write, .describe, .all].randomElement(using: &random)!,
                    permission: Int.random(in: 0..<4, using: &random) == 0 ? .deny : .allow)
                if Bool.random(using: &random), let gone = all.randomElement(using: &random) {
                    try fixture.book.remove([gone])
                    all.remove(gone)
                }
                try fixture.book.insert([binding])
                all.insert(binding)
            }
            for name in names where name != "*" {
                for operation in [ACLOperation.read, .write, .describe] {
                    #expect(fixture.may(operation, name) == Self.decide(all, operation, name), "\(operation) \(name): \(all)")
                }
            }
        }
    }

    private static func decide(_ all: Set<ACLBinding>, _ operation: ACLOperation, _ name: String) -> Bool {
        let about = all.filter { binding in
            let isNamed =
                binding.pattern.patternType == .prefixed
                ? Array(name.utf8).starts(with: binding.pattern.name.utf8) : binding.pattern.name == name || binding.pattern.name == "*"
            return isNamed && binding.principal != "User:bob"
        }
        if about.contains(where: { $0.permission == .deny && ($0.operation == operation || $0.operation == .all) }) { return false }
        return about.contains { binding in
            binding.permission == .allow
                && (binding.operation == operation || binding.operation == .all
                    || (operation == .describe && [.read, .write].contains(binding.operation)))
        }
    }
}
