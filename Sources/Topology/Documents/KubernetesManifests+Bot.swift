import BotKit
import Envelopes

extension KubernetesManifests {
    /// Everything of one bot.
    func bot(_ member: Member) -> String {
        let parts = [serviceAccount(member), service(member), statefulSet(member)]
        // A bot that no record starts has no lag: it runs once.
        guard !inputs(member).isEmpty else { return parts.joined(separator: "---\n") }
        return (parts + [triggerAuthentication(member), scaledObject(member)]).joined(separator: "---\n")
    }

    private func serviceAccount(_ member: Member) -> String {
        """
        apiVersion: v1
        kind: ServiceAccount
        metadata:
          name: \(member.name)

        """
    }

    /// Headless: a StatefulSet wants one, and Prometheus finds the pods by it.
    private func service(_ member: Member) -> String {
        """
        apiVersion: v1
        kind: Service
        metadata:
          name: \(member.name)
          labels: \(labels(member))
        spec:
          clusterIP: None
          selector: \(labels(member))
          ports:
            - { name: health, port: \(Self.healthPort), targetPort: health }

        """
    }

    private func labels(_ member: Member) -> String { "{ app.kubernetes.io/name: botmesh, app.kubernetes.io/component: \(member.name) }" }

    private func statefulSet(_ member: Member) -> String {
        """
        apiVersion: apps/v1
        kind: StatefulSet
        metadata:
          name: \(member.name)
          labels: \(labels(member))
        spec:
          # The number of replicas is KEDA's.
          serviceName: \(member.name)
          podManagementPolicy: Parallel
          selector:
            matchLabels: \(labels(member))
          template:
            metadata:
              labels: \(labels(member))
              annotations:
                prometheus.io/scrape: "true"
                prometheus.io/port: "\(Self.healthPort)"
            spec:
              serviceAccountName: \(member.name)
              automountServiceAccountToken: \(deploysHere(member))
              # Above MESH_DRAIN_SECONDS: what is under way is finished and settled first.
              terminationGracePeriodSeconds: \(Self.graceSeconds)
              securityContext:
                runAsNonRoot: true
                runAsUser: 10001
                runAsGroup: 10001
                fsGroup: 10001
                seccompProfile: { type: RuntimeDefault }
              containers:
                - name: bot
                  image: \(YAMLWriter.string(site.image))
                  # The pod's number, from 1, is the replica's: it is part of the transactional id, which only one process may hold.
                  command: [/bin/sh, -c, 'exec meshbot \(member.contract.name) --replica "$((${HOSTNAME##*-} + 1))"']
        \(environment(member))
                  ports:
                    - { name: health, containerPort: \(Self.healthPort) }
                  startupProbe: { \(aliveness(member)), periodSeconds: 2, failureThreshold: 60 }
                  livenessProbe: { \(aliveness(member)), periodSeconds: 10, timeoutSeconds: 5, failureThreshold: 3 }
                  readinessProbe: { httpGet: { path: /ready, port: health }, periodSeconds: 5, timeoutSeconds: 5, failureThreshold: 2 }
        \(resources(member))
                  securityContext:
                    allowPrivilegeEscalation: false
                    readOnlyRootFilesystem: true
                    capabilities: { drop: [ALL] }
                  volumeMounts:
                    - { name: data, mountPath: /data }
                    - { name: artifacts, mountPath: /data/artifacts }
                    - { name: tmp, mountPath: /tmp }
                    - { name: bots, mountPath: /etc/botmesh/bots, readOnly: true }
                    - { name: kafka-ca, mountPath: /etc/kafka, readOnly: true }
              volumes:
                # Copies of state and work in progress: what is lost with the pod is read again from Kafka.
                - { name: data, emptyDir: {} }
                - { name: artifacts, persistentVolumeClaim: { claimName: mesh-artifacts } }
                - { name: tmp, emptyDir: {} }
                - name: bots
                  configMap:
                    name: mesh-bots
                    items:
        \(configurationFiles.map { "              - { key: \($0.key), path: \($0.path) }" }.joined(separator: "\n"))
                - { name: kafka-ca, secret: { secretName: \(site.cluster)-cluster-ca-cert, items: [{ key: ca.crt, path: ca.crt }] } }

        """
    }

    private func deploysHere(_ member: Member) -> Bool { member.configuration.actions.contains { $0.type == "deploy.kubernetes" } }

    /// What tells that the process lives. Without `/health` it is the open port: `/ready` is 503 while Kafka is away, which no new start mends.
    private func aliveness(_ member: Member) -> String {
        member.configuration.monitoring.healthCheckEnabled
            ? "httpGet: { path: /health, port: health }" : "tcpSocket: { port: health }"
    }

    /// The login is that of Strimzi's `KafkaUser`; `NAME-environment` holds what the bot's configuration names as `${env.…}`.
    private func environment(_ member: Member) -> String {
        """
                  envFrom:
                    - configMapRef: { name: mesh-settings }
                    - secretRef: { name: \(member.name)-environment, optional: true }
                  env:
                    - { name: HOME, value: /data }
                    - { name: KAFKA_SASL_USERNAME, value: \(member.name) }
                    - { name: KAFKA_SASL_PASSWORD, valueFrom: { secretKeyRef: { name: \(member.name), key: password } } }
        """
    }

    /// Steps run in the pod: it needs what each of those side by side may take, beside the bot itself.
    private func resources(_ member: Member) -> String {
        let constraints = member.configuration.constraints
        let cpu = constraints.resources.cpuMillicores.map { "\($0)m" } ?? "100m"
        let memory = constraints.resources.memoryBytes.map { bytes in
            let mebibytes = bytes / (1 << 20)
            return "\n            limits: { memory: \(mebibytes * constraints.maximumConcurrentJobs + 256)Mi }"
        }
        return "          resources:\n            requests: { cpu: \(cpu), memory: 128Mi }" + (memory ?? "")
    }

    /// KEDA reads the lag as the bot itself: it may, and nobody else needs to.
    private func triggerAuthentication(_ member: Member) -> String {
        """
        apiVersion: keda.sh/v1alpha1
        kind: TriggerAuthentication
        metadata:
          name: \(member.name)
        spec:
          env:
            - { parameter: username, name: KAFKA_SASL_USERNAME, containerName: bot }
          secretTargetRef:
            - { parameter: password, name: \(member.name), key: password }
            - { parameter: ca, name: \(site.cluster)-cluster-ca-cert, key: ca.crt }

        """
    }

    private func scaledObject(_ member: Member) -> String {
        let inputs = inputs(member)
        let jobs = member.configuration.constraints.maximumConcurrentJobs
        let triggers = inputs.map { input in
            """
                - type: kafka
                  authenticationRef: { name: \(member.name) }
                  metadata:
                    bootstrapServers: \(bootstrap)
                    consumerGroup: \(YAMLWriter.string(member.contract.name))
                    topic: \(YAMLWriter.string(input.type.name))
                    lagThreshold: "\(max(10, 10 * jobs))"
                    activationLagThreshold: "0"
                    offsetResetPolicy: earliest
                    allowIdleConsumers: "false"
                    excludePersistentLag: "false"
                    limitToPartitionsWithLag: "false"
                    sasl: scram_sha512
                    tls: enable

            """
        }
        return """
            apiVersion: keda.sh/v1alpha1
            kind: ScaledObject
            metadata:
              name: \(member.name)
            spec:
              scaleTargetRef: { apiVersion: apps/v1, kind: StatefulSet, name: \(member.name) }
              pollingInterval: 15
              cooldownPeriod: 120
              minReplicaCount: 1
              # More replicas than partitions would be idle.
              maxReplicaCount: \(inputs.map(\.partitions).max() ?? 1)
              # A lag that is not known is no lag of zero: the replicas stay (KEDA 2.17; before, it falls back to one).
              fallback: { failureThreshold: 3, replicas: 1, behavior: currentReplicasIfHigher }
              advanced:
                horizontalPodAutoscalerConfig:
                  behavior: { scaleDown: { stabilizationWindowSeconds: 300 } }
              triggers:

            """ + triggers.joined()
    }

    /// The topics whose lag is work that waits: what starts the bot, and a stateful bot's inbox. Retries wait for their time, not for a replica.
    func inputs(_ member: Member) -> [EventDefinition] {
        var types = MeshGraph.consumed(by: member.contract, catalogue)
        let triggers = member.configuration.triggers.filter { $0.kind == .event }.compactMap { try? EventPattern(parsing: $0.pattern) }
        if !triggers.isEmpty { types = types.filter { type in triggers.contains { $0.matches(type) } } }
        let own = catalogue.topics(ofBot: member.contract.name, isStateful: member.isStateful)
        let inbox = own.filter { member.isStateful && $0.type.name.hasPrefix("inbox.") }
        return types.compactMap { catalogue[$0] } + inbox
    }
}
