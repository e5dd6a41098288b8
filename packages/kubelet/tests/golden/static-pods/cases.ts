const CONTAINER = { name: 'app', image: 'registry.example/app:1' };

function manifest(spec: object, metadata: object = {}): string {
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'web', ...metadata },
    spec: { containers: [CONTAINER], ...spec },
  });
}

function container(fields: object, pod: object = {}): string {
  return manifest({ containers: [{ ...CONTAINER, ...fields }], ...pod });
}

function volume(source: object): string {
  return manifest({ volumes: [{ name: 'data', ...source }] });
}

function yaml(spec: string): string {
  return `apiVersion: v1\nkind: Pod\nmetadata:\n  name: web\nspec:\n${spec.replace(/^/gm, '  ')}\n`;
}

const amounts = (...texts: readonly string[]): string =>
  container({
    resources: { limits: Object.fromEntries(texts.map((text, i) => [`example.com/r${i}`, text])) },
  });

const term = { labelSelector: { matchLabels: { app: 'web' } }, topologyKey: 'zone' };
const labels = { matchExpressions: [{ key: 'app', operator: 'In', values: ['web', 'db'] }] };

/** Manifests by name; `uids.json` has what Kubernetes 1.36.2's kubelet makes of them. */
export const CASES: Readonly<Record<string, string>> = {
  'nothing but a container': manifest({}),
  'metadata of every kind': manifest(
    {},
    {
      namespace: 'kube-system',
      labels: { tier: 'control-plane', app: 'web' },
      annotations: { text: 'é <&> "\n', 'pod.beta.kubernetes.io/init-containers': 'dropped' },
      creationTimestamp: null,
      finalizers: ['example.com/keep'],
      ownerReferences: [
        { apiVersion: 'v1', kind: 'Node', name: 'node-1', uid: 'u', controller: true },
      ],
    },
  ),
  'empty lists and maps are not absent ones': manifest(
    { volumes: [], initContainers: [], nodeSelector: {}, tolerations: null },
    { labels: {}, annotations: {} },
  ),
  'fields that nobody knows': manifest({ notYet: { a: 1 }, hostnetwork: true }),
  'a container of every field': container(
    {
      command: ['/bin/app', '$(A)'],
      args: ['--flag=1', ''],
      workingDir: '/tmp',
      stdin: true,
      stdinOnce: true,
      tty: true,
      terminationMessagePath: '/msg',
      terminationMessagePolicy: 'FallbackToLogsOnError',
      imagePullPolicy: 'Never',
      resizePolicy: [{ resourceName: 'cpu', restartPolicy: 'NotRequired' }],
      restartPolicy: 'OnFailure',
      restartPolicyRules: [{ action: 'Restart', exitCodes: { operator: 'In', values: [42, 43] } }],
      volumeMounts: [
        { name: 'data', mountPath: '/a', readOnly: true, recursiveReadOnly: 'IfPossible' },
        { name: 'data', mountPath: '/b', subPath: 's', mountPropagation: 'HostToContainer' },
        { name: 'data', mountPath: '/c', subPathExpr: '$(A)' },
      ],
      volumeDevices: [{ name: 'block', devicePath: '/dev/x' }],
    },
    { volumes: [{ name: 'data' }] },
  ),
  'env of every kind': container({
    env: [
      { name: 'A', value: 'b c' },
      { name: 'EMPTY', value: '' },
      { name: 'NONE' },
      { name: 'F', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } },
      { name: 'R', valueFrom: { resourceFieldRef: { resource: 'limits.cpu' } } },
      { name: 'D', valueFrom: { resourceFieldRef: { resource: 'limits.cpu', divisor: '1m' } } },
      { name: 'C', valueFrom: { configMapKeyRef: { name: 'c', key: 'k', optional: true } } },
      { name: 'S', valueFrom: { secretKeyRef: { name: 's', key: 'k' } } },
      { name: 'X', valueFrom: { fileKeyRef: { volumeName: 'v', path: 'p', key: 'k' } } },
    ],
    envFrom: [{ prefix: 'P_', configMapRef: { name: 'c' } }, { secretRef: { name: 's' } }],
  }),
  'probes of every kind': container({
    livenessProbe: { httpGet: { port: 80 } },
    readinessProbe: { tcpSocket: { port: 'http', host: '127.0.0.1' }, timeoutSeconds: 0 },
    startupProbe: { exec: { command: ['true'] }, terminationGracePeriodSeconds: 5 },
  }),
  'probes by gRPC': container({
    livenessProbe: { grpc: { port: 80 } },
    readinessProbe: { grpc: { port: 80, service: 'ready' }, successThreshold: 2 },
  }),
  'an HTTP probe with headers': container({
    livenessProbe: {
      httpGet: {
        ...{ port: 'https', scheme: 'HTTPS', path: '/live', host: 'h' },
        httpHeaders: [{ name: 'X-A', value: 'b' }],
      },
    },
  }),
  hooks: container({
    lifecycle: {
      postStart: { exec: { command: ['a'] } },
      preStop: { httpGet: { port: 80 } },
    },
  }),
  'a hook that sleeps, a signal': container(
    { lifecycle: { preStop: { sleep: { seconds: 3 } }, stopSignal: 'SIGUSR1' } },
    { os: { name: 'linux' } },
  ),
  'ports of the pod': container({
    ports: [
      { containerPort: 80, name: 'http' },
      { containerPort: 53, protocol: 'UDP', hostPort: 5353, hostIP: '127.0.0.1' },
    ],
  }),
  "ports of the host's network": container(
    { ports: [{ containerPort: 80 }, { containerPort: 81, hostPort: 81 }] },
    { hostNetwork: true, initContainers: [{ ...CONTAINER, ports: [{ containerPort: 9 }] }] },
  ),
  "the host's namespaces": manifest({ hostPID: true, hostIPC: true, hostUsers: true }),
  'shared processes, own users': manifest({ shareProcessNamespace: true, hostUsers: false }),
  'security of a container': container({
    securityContext: {
      privileged: false,
      runAsUser: 1000,
      runAsGroup: 0,
      runAsNonRoot: true,
      readOnlyRootFilesystem: true,
      allowPrivilegeEscalation: false,
      procMount: 'Default',
      capabilities: { add: ['NET_ADMIN'], drop: ['ALL'] },
      seLinuxOptions: { user: 'u', role: 'r', type: 't', level: 's0' },
      seccompProfile: { type: 'Localhost', localhostProfile: 'p.json' },
      appArmorProfile: { type: 'Unconfined' },
      windowsOptions: { runAsUserName: 'x' },
    },
  }),
  'security of a pod': manifest({
    securityContext: {
      runAsUser: 1,
      runAsGroup: 2,
      runAsNonRoot: false,
      fsGroup: 3,
      fsGroupChangePolicy: 'OnRootMismatch',
      supplementalGroups: [4, 5],
      supplementalGroupsPolicy: 'Strict',
      sysctls: [{ name: 'kernel.shm_rmid_forced', value: '1' }],
      seccompProfile: { type: 'RuntimeDefault' },
      appArmorProfile: { type: 'RuntimeDefault' },
      seLinuxChangePolicy: 'MountOption',
      seLinuxOptions: { level: 's0:c1' },
    },
  }),
  'limits without requests': container({ resources: { limits: { cpu: '1', memory: '1Gi' } } }),
  'limits beside requests': container({
    resources: { limits: { cpu: '2', memory: '1Gi' }, requests: { cpu: '500m' } },
  }),
  'requests and claims': container({
    resources: { requests: { cpu: '100m' }, claims: [{ name: 'c', request: 'r' }, { name: 'd' }] },
  }),
  'decimal amounts': amounts('1', '0', '100m', '1k', '12E', '1000', '1000000', '1.5', '0.5'),
  'amounts with exponents': amounts('1e3', '12e6', '2e-3', '1E3', '150e-2'),
  'binary amounts': amounts('64Mi', '1Gi', '1024Ki', '8Ki', '0Mi', '1.5Gi', '0.5Mi', '0.1Ki'),
  'amounts that are cut': amounts('1n', '1500u', '999999u', '0.0000001', '123.4567'),
  'amounts of any size': amounts('1Ei', '16Ei', '99999Gi', '1234567890123456789', '9P'),
  'amounts as odd as they get': amounts('007', '+2', '2.', '.5', '0.0', '0.0Gi', '1.000', '00'),
  'resources of the pod as a whole': manifest({
    resources: { limits: { cpu: '2', memory: '1.5Gi' }, requests: { cpu: '1500m' } },
  }),
  'what a whole pod gets from its containers': manifest({
    resources: { limits: { cpu: '4', memory: '4Gi' } },
    containers: [
      { ...CONTAINER, resources: { requests: { cpu: '100m', memory: '0.5Gi' } } },
      { ...CONTAINER, name: 'b', resources: { limits: { cpu: '0.25', 'hugepages-2Mi': '4Mi' } } },
    ],
    initContainers: [
      { ...CONTAINER, name: 'c', restartPolicy: 'Always', resources: { requests: { cpu: '1' } } },
      { ...CONTAINER, name: 'd', resources: { requests: { memory: '1Gi', cpu: '1e-1' } } },
    ],
  }),
  overhead: manifest({ overhead: { cpu: '0.1', memory: '1.5Mi' }, runtimeClassName: 'sandboxed' }),
  'init containers and sidecars': manifest({
    initContainers: [
      { name: 'first', image: 'a' },
      { name: 'beside', image: 'b:latest', restartPolicy: 'Always' },
    ],
  }),
  'ephemeral containers': manifest({
    ephemeralContainers: [{ name: 'look', image: 'busybox', targetContainerName: 'app' }],
  }),
  'pull policies by name of the image': manifest({
    containers: [
      { name: 'a', image: 'busybox' },
      { name: 'b', image: 'busybox:latest' },
      { name: 'c', image: 'reg.example:5000/busybox' },
      { name: 'd', image: `busybox@sha256:${'a'.repeat(64)}` },
      { name: 'e', image: `busybox:latest@sha256:${'a'.repeat(64)}` },
      { name: 'f', image: 'UPPER:latest' },
    ],
  }),
  affinity: manifest({
    affinity: {
      nodeAffinity: {
        requiredDuringSchedulingIgnoredDuringExecution: {
          nodeSelectorTerms: [
            { matchExpressions: [{ key: 'os', operator: 'In', values: ['linux'] }] },
            { matchFields: [{ key: 'metadata.name', operator: 'In', values: ['n'] }] },
          ],
        },
        preferredDuringSchedulingIgnoredDuringExecution: [
          { weight: 5, preference: { matchExpressions: [{ key: 'ssd', operator: 'Exists' }] } },
        ],
      },
      podAffinity: {
        requiredDuringSchedulingIgnoredDuringExecution: [
          { ...term, namespaces: ['a'], namespaceSelector: {}, matchLabelKeys: ['k'] },
        ],
      },
      podAntiAffinity: {
        preferredDuringSchedulingIgnoredDuringExecution: [
          { weight: 1, podAffinityTerm: { ...term, mismatchLabelKeys: ['m'] } },
        ],
      },
    },
  }),
  tolerations: manifest({
    tolerations: [
      { operator: 'Exists' },
      { operator: 'Exists', effect: 'NoExecute' },
      { key: 'a', operator: 'Equal', value: 'b', effect: 'NoExecute', tolerationSeconds: 30 },
    ],
  }),
  'topology spread': manifest({
    topologySpreadConstraints: [
      {
        ...{ maxSkew: 1, topologyKey: 'zone', whenUnsatisfiable: 'DoNotSchedule', minDomains: 2 },
        ...{ labelSelector: labels, nodeAffinityPolicy: 'Honor', nodeTaintsPolicy: 'Ignore' },
        matchLabelKeys: ['pod-template-hash'],
      },
    ],
  }),
  'names and addresses': manifest({
    hostname: 'h',
    subdomain: 's',
    setHostnameAsFQDN: true,
    hostAliases: [{ ip: '127.0.0.1', hostnames: ['a.example', 'b'] }],
    dnsPolicy: 'None',
    dnsConfig: {
      nameservers: ['192.0.2.1'],
      searches: ['example'],
      options: [{ name: 'ndots', value: '2' }, { name: 'edns0' }],
    },
  }),
  'another hostname': manifest({ hostnameOverride: 'other' }),
  'life and priority': manifest({
    restartPolicy: 'OnFailure',
    terminationGracePeriodSeconds: 0,
    activeDeadlineSeconds: 600,
    priority: 2000001000,
    priorityClassName: 'system-node-critical',
    preemptionPolicy: 'Never',
    schedulerName: 'mine',
    nodeName: 'elsewhere',
    nodeSelector: { 'kubernetes.io/os': 'linux' },
  }),
  'a grace period below zero': manifest({ terminationGracePeriodSeconds: -1 }),
  'the longest grace period': `{"apiVersion":"v1","kind":"Pod","metadata":{"name":"web"},"spec":{"terminationGracePeriodSeconds":9223372036854775807,"containers":[{"name":"app","image":"a"}]}}`,
  'gates, claims, services': manifest({
    readinessGates: [{ conditionType: 'example.com/ready' }],
    schedulingGates: [{ name: 'example.com/wait' }],
    resourceClaims: [{ name: 'c', resourceClaimTemplateName: 't' }, { name: 'd' }],
    schedulingGroup: { podGroupName: 'g' },
    enableServiceLinks: false,
    automountServiceAccountToken: false,
    imagePullSecrets: [{ name: 'pull' }],
  }),
  'a service account by its old name': manifest({ serviceAccount: 'old' }),
  'a status': JSON.stringify({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'web' },
    spec: { containers: [CONTAINER] },
    status: {
      phase: 'Running',
      podIP: '192.0.2.7',
      qosClass: 'BestEffort',
      conditions: [{ type: 'Ready', status: 'True', lastProbeTime: null }],
      containerStatuses: [
        { name: 'app', ready: true, restartCount: 2, image: 'a', state: { waiting: {} } },
      ],
    },
  }),

  'volume: none said': volume({}),
  'volume: hostPath': volume({ hostPath: { path: '/etc' } }),
  'volume: hostPath of a type': volume({ hostPath: { path: '/x', type: 'DirectoryOrCreate' } }),
  'volume: emptyDir': volume({ emptyDir: { medium: 'Memory', sizeLimit: '1.5Gi' } }),
  'volume: downwardAPI': volume({
    downwardAPI: {
      items: [
        { path: 'labels', fieldRef: { fieldPath: 'metadata.labels' }, mode: 256 },
        { path: 'cpu', resourceFieldRef: { containerName: 'app', resource: 'limits.cpu' } },
      ],
    },
  }),
  'volume: projected': volume({
    projected: {
      defaultMode: 288,
      sources: [
        { downwardAPI: { items: [{ path: 'n', fieldRef: { fieldPath: 'metadata.name' } }] } },
        { serviceAccountToken: { path: 'token', audience: 'a' } },
        { configMap: { name: 'c', items: [{ key: 'k', path: 'p' }] } },
        { secret: { name: 's', optional: true } },
        { clusterTrustBundle: { signerName: 's', path: 'p', labelSelector: labels } },
        { podCertificate: { signerName: 's', keyType: 'ED25519', keyPath: 'k' } },
      ],
    },
  }),
  'volume: configMap': volume({ configMap: { name: 'c', defaultMode: 384 } }),
  'volume: secret': volume({ secret: { secretName: 's', items: [{ key: 'k', path: 'p' }] } }),
  'volume: persistentVolumeClaim': volume({ persistentVolumeClaim: { claimName: 'c' } }),
  'volume: ephemeral': volume({
    ephemeral: {
      volumeClaimTemplate: {
        metadata: { labels: { a: 'b' } },
        spec: {
          accessModes: ['ReadWriteOnce'],
          resources: { requests: { storage: '1.5Gi' } },
          storageClassName: 'fast',
          dataSource: { apiGroup: 'g', kind: 'K', name: 'n' },
          dataSourceRef: { kind: 'K', name: 'n', namespace: 'o' },
        },
      },
    },
  }),
  'volume: image': volume({ image: { reference: 'models:latest' } }),
  'volume: csi': volume({ csi: { driver: 'd', readOnly: true, volumeAttributes: { z: '1' } } }),
  'volume: nfs': volume({ nfs: { server: 's', path: '/p', readOnly: true } }),
  'volume: iscsi': volume({
    iscsi: { targetPortal: 'p', iqn: 'iqn.2001-04.com.example:d', lun: 1, chapAuthSession: true },
  }),
  'volume: fc': volume({ fc: { targetWWNs: ['w'], lun: 2, wwids: ['i'] } }),
  'volume: rbd': volume({ rbd: { monitors: ['m'], image: 'i' } }),
  'volume: cephfs': volume({ cephfs: { monitors: ['m'], secretRef: { name: 's' } } }),
  'volume: glusterfs': volume({ glusterfs: { endpoints: 'e', path: 'p' } }),
  'volume: azureDisk': volume({ azureDisk: { diskName: 'd', diskURI: 'u' } }),
  'volume: azureFile': volume({ azureFile: { secretName: 's', shareName: 'h' } }),
  'volume: scaleIO': volume({ scaleIO: { gateway: 'g', system: 's', volumeName: 'v' } }),
  'volume: storageos': volume({ storageos: { volumeName: 'v', volumeNamespace: 'n' } }),
  'volume: gcePersistentDisk': volume({ gcePersistentDisk: { pdName: 'p', partition: 1 } }),
  'volume: awsElasticBlockStore': volume({ awsElasticBlockStore: { volumeID: 'v' } }),
  'volume: cinder': volume({ cinder: { volumeID: 'v', fsType: 'ext4' } }),
  'volume: flexVolume': volume({ flexVolume: { driver: 'a/b', options: { b: '2', a: '1' } } }),
  'volume: flocker': volume({ flocker: { datasetName: 'd' } }),
  'volume: gitRepo': volume({ gitRepo: { repository: 'r', revision: 'v' } }),
  'volume: photonPersistentDisk': volume({ photonPersistentDisk: { pdID: 'p' } }),
  'volume: portworxVolume': volume({ portworxVolume: { volumeID: 'v' } }),
  'volume: quobyte': volume({ quobyte: { registry: 'r', volume: 'v' } }),
  'volume: vsphereVolume': volume({ vsphereVolume: { volumePath: 'v' } }),

  'YAML: numbers of old': yaml(`
containers:
- {name: app, image: a}
volumes:
- name: data
  downwardAPI: {defaultMode: 0644, items: []}
terminationGracePeriodSeconds: 0x1E`),
  'YAML: words that look like numbers': yaml(`
containers:
- name: app
  image: a
  args: [12:30, 2026-01-01, 1.2.3, "0644", --port=80, 1_0_0x]
  command: [ 'yes', "no", 0b12, 0x ]`),
  'YAML: quantities without quotes': yaml(`
containers:
- name: app
  image: a
  resources:
    limits: {cpu: 0.5, memory: 1e6, example.com/a: 1_000, example.com/b: 1.50}
    requests: {cpu: .25, memory: 1Mi}`),
  'YAML: yes and on': yaml(
    'hostNetwork: yes\nhostPID: On\ncontainers: [{name: app, image: a, tty: n}]',
  ),
  'YAML: anchors, merges, blocks': yaml(`
containers:
- &base
  name: app
  image: a
  command: [sh, -c, &run echo]
- <<: *base
  name: other
  args:
  - |
    echo 1
    echo 2
  - >-
    folded
    text
  - *run`),
  'YAML: numbers for keys': yaml(
    'nodeSelector: {1: a, true: b, 1.5: c}\ncontainers: [{name: app, image: a}]',
  ),
  'YAML: the first document, the last of two keys': `${yaml('hostname: a\nhostname: b\ncontainers: [{name: app, image: a}]')}---\nkind: Other\n`,
  'JSON: spaces, numbers as they stand': ` {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web"}, "spec": {"containers": [{"name": "app", "image": "a", "resources": {"limits": {"cpu": 150e-2, "memory": 1e6, "example.com/a": 0.10}}}]}}`,
};
