import Envelopes
import Testing
import Topology

/// `topics/` holds what the mesh promises.
@Suite struct CatalogueTests {
    /// Every type that the mesh knows from its first day.
    static let promised = """
        code.committed
        pr.created pr.updated pr.merged
        build.started build.completed build.failed build.cancelled build.log build.cancel_requested
        test.started test.completed test.failed test.skipped test.log
        lint.completed lint.failed
        review.completed
        security.scan_started security.scan_completed security.vulnerabilities_found security.secrets_found security.compliance_violated
        security.failed security.log
        deploy.requested deploy.approved deploy.rejected deploy.started deploy.completed deploy.failed deploy.rolled_back
        deploy.rollback_requested deploy.log
        monitor.health_check_passed monitor.health_check_failed monitor.metrics_collected
        anomaly.detected
        alert.triggered alert.resolved
        incident.created incident.updated incident.escalated incident.resolved
        notification.requested notification.sent notification.failed notification.acknowledged
        migration.requested migration.started migration.completed migration.failed
        backup.requested backup.completed backup.failed backup.verified
        restore.requested restore.completed restore.failed
        docs.updated docs.links_broken
        scaling.requested scaling.up scaling.down scaling.predicted
        log.received log.clustered
        compliance.report cost.report performance.report
        access.changed
        quality.report
        schedule.fired
        workflow.started workflow.step_completed workflow.completed workflow.failed workflow.approval_requested workflow.approval_given
        job.requested job.started job.progressed job.finished
        webhook.requested webhook.delivered webhook.failed
        bot.error bot.capabilities
        bench.request bench.response
        """.split { $0 == " " || $0 == "\n" }.map { EventType(String($0)) }

    @Test func everyPromisedTypeIsThere() throws {
        let catalogue = try Shipped.catalogue.get()
        for type in Self.promised { #expect(catalogue[type] != nil, "\(type) is missing") }
    }

    @Test func theMeshHasItsOwnTopics() throws {
        let catalogue = try Shipped.catalogue.get()
        let letters = try #require(catalogue["mesh.dlq"])
        #expect(letters.maximumBytes == 16 << 20)
        for name in ["mesh.control", "mesh.instances", "mesh.dlq_marks"] {
            let definition = try #require(catalogue[EventType(name)])
            #expect(definition.cleanup != .delete)
            #expect(definition.kind == .internal)
        }
        #expect(catalogue["mesh.audit"] != nil)
        let own = catalogue.topics(ofBot: "DeployBot", isStateful: true)
        #expect(Set(own.map(\.type)) == ["retry.deploybot", "state.deploybot", "inbox.deploybot"])
        #expect(catalogue.topics(ofBot: "BuildBot", isStateful: false).count == 2)
        let state = own.first { $0.type == "state.deploybot" }
        #expect(state?.cleanup == .compact)
        #expect(state?.partitions == own.first { $0.type == "inbox.deploybot" }?.partitions)
        // The journal of a record lies in the partition of the same number.
        let most = catalogue.definitions.values.filter { $0.kind == .event }.map(\.partitions).max()
        #expect(state?.partitions ?? 0 >= most ?? .max)
    }

    @Test func aDomainHasOneOwnerAndASummaryForEachType() throws {
        var owners: [Substring: Set<String>] = [:]
        for definition in try Shipped.catalogue.get().definitions.values {
            owners[definition.type.domain, default: []].insert(definition.owner)
            #expect(definition.summary.hasSuffix("."), "\(definition.type): the summary is a sentence")
            #expect(definition.partitions >= 1)
        }
        for (domain, names) in owners { #expect(names.count == 1, "\(domain) has the owners \(names)") }
    }
}
