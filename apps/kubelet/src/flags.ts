import {
  type FlagKind,
  type FlagSpec,
  flagText,
  type FlagValue,
  LOGGING_FLAGS,
  parseGateValues,
} from '@nodeagent/component-base';

const gates = (value: FlagValue): unknown =>
  parseGateValues(value as Readonly<Record<string, string>>);

/** Parses `key=value:Effect`, comma-separated. */
const taints = (value: FlagValue): unknown =>
  flagText(value)
    .split(',')
    .filter((text) => text !== '')
    .map((text) => {
      const found = /^([^=:]+)(?:=([^:]*))?:(\w+)$/.exec(text);
      if (found === null) throw new Error(`${JSON.stringify(text)} is not key=value:Effect`);
      return { key: found[1], value: found[2] ?? '', effect: found[3] };
    });

/** Parses `name:value`, comma-separated; names may repeat. */
const headers = (value: FlagValue): unknown => {
  const found: Record<string, string[]> = {};
  for (const text of value as readonly string[]) {
    const at = text.indexOf(':');
    if (at < 1) throw new Error('a header must be name:value');
    (found[text.slice(0, at).trim()] ??= []).push(text.slice(at + 1).trim());
  }
  return found;
};

/** Parses `memory.available<100Mi`, comma-separated. */
const thresholds = (value: FlagValue): unknown =>
  Object.fromEntries(
    (value as readonly string[]).map((text) => {
      const at = text.indexOf('<');
      if (at < 0) throw new Error(`${JSON.stringify(text)} is not signal<value`);
      return [text.slice(0, at).trim(), text.slice(at + 1).trim()];
    }),
  );

const BY_EVICTION =
  'Use --eviction-hard or --eviction-soft instead. Will be removed in a future version.';

const PROGRAM: readonly FlagSpec[] = [
  { name: 'config', kind: 'string', help: 'configuration file' },
  {
    name: 'config-dir',
    kind: 'string',
    help: 'directory of *.conf files to merge over the configuration file',
  },
  { name: 'kubeconfig', kind: 'string', help: 'kubeconfig of the API server' },
  {
    name: 'bootstrap-kubeconfig',
    kind: 'string',
    help: 'kubeconfig for requesting a client certificate if --kubeconfig contains no valid one',
  },
  { name: 'hostname-override', kind: 'string', help: 'name of the node; default: the host name' },
  { name: 'node-ip', kind: 'string', help: 'address of the node, or one per family' },
  { name: 'node-labels', kind: 'list', help: 'labels for a newly registered node, k=v,…' },
  {
    name: 'root-dir',
    kind: 'string',
    default: '/var/lib/kubelet',
    help: "directory for pods' files",
  },
  {
    name: 'cert-dir',
    kind: 'string',
    default: '/var/lib/kubelet/pki',
    help: "directory for the kubelet's own certificates",
  },
  { name: 'cloud-provider', kind: 'string', help: '"external" or empty' },
  {
    name: 'image-credential-provider-config',
    kind: 'string',
    help: 'file or directory with the configuration of credential provider plug-ins',
  },
  {
    name: 'image-credential-provider-bin-dir',
    kind: 'string',
    help: 'directory of the credential provider plug-ins',
  },
  {
    name: 'seccomp-default',
    kind: 'boolean',
    help: 'use RuntimeDefault for pods without a seccomp profile',
    path: 'seccompDefault',
  },
  { name: 'version', kind: 'boolean', help: 'print the version, then exit' },
  { name: 'help', short: 'h', kind: 'boolean', help: 'print this text, then exit' },
  ...LOGGING_FLAGS,
  {
    name: 'provider-id',
    kind: 'string',
    help: "the cloud's identifier of this node",
    path: 'providerID',
  },
  {
    name: 'runtime-cgroups',
    kind: 'string',
    help: 'cgroup of the container runtime, for /stats/summary',
  },
  {
    name: 'minimum-container-ttl-duration',
    kind: 'duration',
    help: 'age before which no ended container is removed',
    deprecated: BY_EVICTION,
  },
  {
    name: 'maximum-dead-containers-per-container',
    kind: 'integer',
    help: 'ended runs that stay of each container; default 1, negative: all',
    deprecated: BY_EVICTION,
  },
  {
    name: 'maximum-dead-containers',
    kind: 'integer',
    help: 'ended containers that stay on the node; negative, the default: any number',
    deprecated: BY_EVICTION,
  },
  {
    name: 'fail-cgroupv1',
    kind: 'boolean',
    help: 'refuse to start on cgroup v1',
    path: 'failCgroupV1',
  },
];

const IN_FILE = 'set it in the file given by --config instead';

type Row = readonly [flag: string, field: string];

const rows = (kind: FlagKind, table: readonly Row[]): FlagSpec[] =>
  table.map(([name, path]) => ({
    name,
    kind,
    path,
    help: `${path} of the configuration file`,
    deprecated: IN_FILE,
  }));

/** Flags that are also fields of the configuration file. */
const CONFIG: readonly FlagSpec[] = [
  ...rows('boolean', [
    ['enable-server', 'enableServer'],
    ['fail-swap-on', 'failSwapOn'],
    ['anonymous-auth', 'authentication.anonymous.enabled'],
    ['authentication-token-webhook', 'authentication.webhook.enabled'],
    ['rotate-certificates', 'rotateCertificates'],
    ['rotate-server-certificates', 'serverTLSBootstrap'],
    ['enable-debugging-handlers', 'enableDebuggingHandlers'],
    ['contention-profiling', 'enableContentionProfiling'],
    ['cgroups-per-qos', 'cgroupsPerQOS'],
    ['cpu-cfs-quota', 'cpuCFSQuota'],
    ['enable-controller-attach-detach', 'enableControllerAttachDetach'],
    ['make-iptables-util-chains', 'makeIPTablesUtilChains'],
    ['kernel-memcg-notification', 'kernelMemcgNotification'],
    ['local-storage-capacity-isolation', 'localStorageCapacityIsolation'],
    ['serialize-image-pulls', 'serializeImagePulls'],
    ['protect-kernel-defaults', 'protectKernelDefaults'],
    ['register-node', 'registerNode'],
    ['runonce', 'runOnce'],
  ]),
  ...rows('string', [
    ['address', 'address'],
    ['pod-manifest-path', 'staticPodPath'],
    ['manifest-url', 'staticPodURL'],
    ['container-runtime-endpoint', 'containerRuntimeEndpoint'],
    ['image-service-endpoint', 'imageServiceEndpoint'],
    ['client-ca-file', 'authentication.x509.clientCAFile'],
    ['authorization-mode', 'authorization.mode'],
    ['tls-cert-file', 'tlsCertFile'],
    ['tls-private-key-file', 'tlsPrivateKeyFile'],
    ['tls-min-version', 'tlsMinVersion'],
    ['healthz-bind-address', 'healthzBindAddress'],
    ['cluster-domain', 'clusterDomain'],
    ['volume-plugin-dir', 'volumePluginDir'],
    ['kubelet-cgroups', 'kubeletCgroups'],
    ['system-cgroups', 'systemCgroups'],
    ['cgroup-driver', 'cgroupDriver'],
    ['cgroup-root', 'cgroupRoot'],
    ['cpu-manager-policy', 'cpuManagerPolicy'],
    ['memory-manager-policy', 'memoryManagerPolicy'],
    ['topology-manager-policy', 'topologyManagerPolicy'],
    ['topology-manager-scope', 'topologyManagerScope'],
    ['hairpin-mode', 'hairpinMode'],
    ['pod-cidr', 'podCIDR'],
    ['resolv-conf', 'resolvConf'],
    ['container-log-max-size', 'containerLogMaxSize'],
    ['kube-api-content-type', 'contentType'],
    ['reserved-cpus', 'reservedSystemCPUs'],
    ['system-reserved-cgroup', 'systemReservedCgroup'],
    ['kube-reserved-cgroup', 'kubeReservedCgroup'],
  ]),
  ...rows('integer', [
    ['port', 'port'],
    ['read-only-port', 'readOnlyPort'],
    ['registry-qps', 'registryPullQPS'],
    ['registry-burst', 'registryBurst'],
    ['event-qps', 'eventRecordQPS'],
    ['event-burst', 'eventBurst'],
    ['healthz-port', 'healthzPort'],
    ['oom-score-adj', 'oomScoreAdj'],
    ['max-pods', 'maxPods'],
    ['pods-per-core', 'podsPerCore'],
    ['pod-max-pids', 'podPidsLimit'],
    ['container-log-max-files', 'containerLogMaxFiles'],
    ['node-status-max-images', 'nodeStatusMaxImages'],
    ['image-gc-high-threshold', 'imageGCHighThresholdPercent'],
    ['image-gc-low-threshold', 'imageGCLowThresholdPercent'],
    ['max-open-files', 'maxOpenFiles'],
    ['kube-api-qps', 'kubeAPIQPS'],
    ['kube-api-burst', 'kubeAPIBurst'],
    ['eviction-max-pod-grace-period', 'evictionMaxPodGracePeriod'],
  ]),
  ...rows('duration', [
    ['sync-frequency', 'syncFrequency'],
    ['file-check-frequency', 'fileCheckFrequency'],
    ['http-check-frequency', 'httpCheckFrequency'],
    ['authentication-token-webhook-cache-ttl', 'authentication.webhook.cacheTTL'],
    ['authorization-webhook-cache-authorized-ttl', 'authorization.webhook.cacheAuthorizedTTL'],
    ['authorization-webhook-cache-unauthorized-ttl', 'authorization.webhook.cacheUnauthorizedTTL'],
    ['streaming-connection-idle-timeout', 'streamingConnectionIdleTimeout'],
    ['node-status-update-frequency', 'nodeStatusUpdateFrequency'],
    ['volume-stats-agg-period', 'volumeStatsAggPeriod'],
    ['minimum-image-ttl-duration', 'imageMinimumGCAge'],
    ['cpu-manager-reconcile-period', 'cpuManagerReconcilePeriod'],
    ['runtime-request-timeout', 'runtimeRequestTimeout'],
    ['cpu-cfs-quota-period', 'cpuCFSQuotaPeriod'],
    ['eviction-pressure-transition-period', 'evictionPressureTransitionPeriod'],
  ]),
  ...rows('list', [
    ['cluster-dns', 'clusterDNS'],
    ['tls-cipher-suites', 'tlsCipherSuites'],
    ['allowed-unsafe-sysctls', 'allowedUnsafeSysctls'],
    ['enforce-node-allocatable', 'enforceNodeAllocatable'],
  ]),
  ...rows('map', [
    ['cpu-manager-policy-options', 'cpuManagerPolicyOptions'],
    ['topology-manager-policy-options', 'topologyManagerPolicyOptions'],
    ['qos-reserved', 'qosReserved'],
    ['system-reserved', 'systemReserved'],
    ['kube-reserved', 'kubeReserved'],
    ['eviction-soft-grace-period', 'evictionSoftGracePeriod'],
    ['eviction-minimum-reclaim', 'evictionMinimumReclaim'],
  ]),
  ...rows('map', [['feature-gates', 'featureGates']]).map((row) => ({ ...row, convert: gates })),
  ...rows('string', [['register-with-taints', 'registerWithTaints']]).map((row) => ({
    ...row,
    convert: taints,
  })),
  ...rows('list', [['manifest-url-header', 'staticPodURLHeader']]).map((row) => ({
    ...row,
    convert: headers,
  })),
  ...rows('list', [
    ['eviction-hard', 'evictionHard'],
    ['eviction-soft', 'evictionSoft'],
  ]).map((row) => ({ ...row, convert: thresholds })),
];

const ignored = (kind: FlagKind, names: readonly string[], why: string): FlagSpec[] =>
  names.map((name) => ({ name, kind, help: '', ignored: why }));

const REMOVED = 'it was removed from Kubernetes';
const NOT_YET = 'this kubelet does not support it yet';

/** Flags that do nothing: existing service files must keep working. */
const IGNORED: readonly FlagSpec[] = [
  ...ignored(
    'string',
    [
      'container-runtime',
      'network-plugin',
      'cni-bin-dir',
      'cni-conf-dir',
      'cni-cache-dir',
      'docker',
      'docker-endpoint',
      'docker-root',
      'docker-env-metadata-whitelist',
      'pod-infra-container-image',
      'non-masquerade-cidr',
      'cloud-config',
      'dynamic-config-dir',
      'experimental-mounter-path',
    ],
    REMOVED,
  ),
  ...ignored(
    'boolean',
    [
      'keep-terminated-pod-volumes',
      'redirect-container-streaming',
      'register-schedulable',
      'allow-privileged',
      'experimental-allocatable-ignore-eviction',
      'docker-only',
      'docker-tls',
    ],
    REMOVED,
  ),
  ...ignored('integer', ['cadvisor-port', 'network-plugin-mtu'], REMOVED),
  ...ignored('duration', ['image-pull-progress-deadline'], REMOVED),
  ...ignored('string', ['lock-file', 'reserved-memory'], NOT_YET),
  ...ignored('boolean', ['exit-on-lock-contention'], NOT_YET),
  ...ignored(
    'duration',
    [
      'housekeeping-interval',
      'max-housekeeping-interval',
      'global-housekeeping-interval',
      'storage-driver-buffer-duration',
    ],
    'this kubelet does not need it',
  ),
  ...ignored('integer', ['application-metrics-count-limit'], 'this kubelet does not need it'),
  ...ignored(
    'string',
    [
      'boot-id-file',
      'machine-id-file',
      'container-hints',
      'containerd',
      'containerd-namespace',
      'event-storage-age-limit',
      'event-storage-event-limit',
      'storage-driver-db',
      'storage-driver-host',
      'storage-driver-password',
      'storage-driver-table',
      'storage-driver-user',
    ],
    'this kubelet does not need it',
  ),
  ...ignored(
    'boolean',
    [
      'storage-driver-secure',
      'log-cadvisor-usage',
      'enable-load-reader',
      'logtostderr',
      'alsologtostderr',
    ],
    'this kubelet does not need it',
  ),
];

export const FLAGS: readonly FlagSpec[] = [...PROGRAM, ...CONFIG, ...IGNORED];
