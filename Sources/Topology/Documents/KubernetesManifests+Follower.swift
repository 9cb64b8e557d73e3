import Envelopes
import Kafka

extension KubernetesManifests {
    /// What makes `mesh scale` hold in the cluster: `mesh kubernetes follow`, with a login that may read `mesh.control`, and a role that may tell KEDA.
    var follower: String {
        """
        apiVersion: kafka.strimzi.io/v1
        kind: KafkaUser
        metadata:
          name: mesh-follower
          labels:
            strimzi.io/cluster: \(YAMLWriter.string(site.cluster))
        spec:
          authentication:
            type: scram-sha-512
          authorization:
            type: simple
            acls:
              - resource: { type: topic, name: \(ControlRecord.topic), patternType: literal }
                operations: [Read]
                host: "*"
              - resource: { type: group, name: \(GroupSettings.nobodysGroup), patternType: literal }
                operations: [Read]
                host: "*"
        ---
        apiVersion: v1
        kind: ServiceAccount
        metadata:
          name: mesh-follower
        ---
        apiVersion: rbac.authorization.k8s.io/v1
        kind: Role
        metadata:
          name: mesh-follower
        rules:
          - { apiGroups: [keda.sh], resources: [scaledobjects], verbs: [get, patch] }
        ---
        apiVersion: rbac.authorization.k8s.io/v1
        kind: RoleBinding
        metadata:
          name: mesh-follower
        roleRef: { apiGroup: rbac.authorization.k8s.io, kind: Role, name: mesh-follower }
        subjects:
          - { kind: ServiceAccount, name: mesh-follower }
        ---
        apiVersion: apps/v1
        kind: Deployment
        metadata:
          name: mesh-follower
          labels: { app.kubernetes.io/name: botmesh, app.kubernetes.io/component: mesh-follower }
        spec:
          replicas: 1
          strategy: { type: Recreate }
          selector:
            matchLabels: { app.kubernetes.io/name: botmesh, app.kubernetes.io/component: mesh-follower }
          template:
            metadata:
              labels: { app.kubernetes.io/name: botmesh, app.kubernetes.io/component: mesh-follower }
            spec:
              serviceAccountName: mesh-follower
              securityContext:
                runAsNonRoot: true
                runAsUser: 10001
                runAsGroup: 10001
                seccompProfile: { type: RuntimeDefault }
              containers:
                - name: mesh
                  image: \(YAMLWriter.string(site.image))
                  command: [mesh, kubernetes, follow, --namespace, \(YAMLWriter.string(site.namespace))]
                  envFrom:
                    - configMapRef: { name: mesh-settings }
                  env:
                    - { name: HOME, value: /tmp }
                    - { name: KAFKA_SASL_USERNAME, value: mesh-follower }
                    - { name: KAFKA_SASL_PASSWORD, valueFrom: { secretKeyRef: { name: mesh-follower, key: password } } }
                  resources:
                    requests: { cpu: 10m, memory: 32Mi }
                  securityContext:
                    allowPrivilegeEscalation: false
                    readOnlyRootFilesystem: true
                    capabilities: { drop: [ALL] }
                  volumeMounts:
                    - { name: tmp, mountPath: /tmp }
                    - { name: kafka-ca, mountPath: /etc/kafka, readOnly: true }
              volumes:
                - { name: tmp, emptyDir: {} }
                - { name: kafka-ca, secret: { secretName: \(site.cluster)-cluster-ca-cert, items: [{ key: ca.crt, path: ca.crt }] } }

        """
    }
}
