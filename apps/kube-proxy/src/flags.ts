import {
  type FlagSpec,
  type FlagValue,
  LOGGING_FLAGS,
  parseGateValues,
} from '@nodeagent/component-base';

const gates = (value: FlagValue): unknown =>
  parseGateValues(value as Readonly<Record<string, string>>);

/** Flags that choose how the program runs; they also work with a configuration file. */
const PROGRAM: readonly FlagSpec[] = [
  { name: 'config', kind: 'string', help: 'configuration file; most flags have no effect with it' },
  {
    name: 'write-config-to',
    kind: 'string',
    help: 'write the effective configuration to this file, then exit',
  },
  { name: 'cleanup', kind: 'boolean', help: 'remove all rules of all modes, then exit' },
  {
    name: 'init-only',
    kind: 'boolean',
    help: 'do the steps that need most privileges, then exit; run again without these privileges',
  },
  { name: 'version', kind: 'boolean', help: 'print the version, then exit' },
  { name: 'help', short: 'h', kind: 'boolean', help: 'print this text, then exit' },
  { name: 'master', kind: 'string', help: 'address of the API server, instead of the kubeconfig' },
  {
    name: 'hostname-override',
    kind: 'string',
    help: "the node's name, instead of this host's",
    path: 'hostnameOverride',
  },
];

const CONFIG: readonly FlagSpec[] = [
  {
    name: 'feature-gates',
    kind: 'map',
    help: 'Name=true pairs of features',
    path: 'featureGates',
    convert: gates,
  },
  {
    name: 'kubeconfig',
    kind: 'string',
    help: 'file that describes how to reach the API server; default: in-cluster',
    path: 'clientConnection.kubeconfig',
  },
  {
    name: 'kube-api-content-type',
    kind: 'string',
    help: 'content type of requests',
    path: 'clientConnection.contentType',
  },
  {
    name: 'kube-api-qps',
    kind: 'number',
    default: '5',
    help: 'average number of requests to the API server per second',
    path: 'clientConnection.qps',
  },
  {
    name: 'kube-api-burst',
    kind: 'integer',
    default: '10',
    help: 'number of requests to the API server allowed in a burst',
    path: 'clientConnection.burst',
  },
  {
    name: 'bind-address',
    kind: 'string',
    default: '0.0.0.0',
    help: "overrides the node's IP address, or chooses the primary family",
    path: 'bindAddress',
  },
  {
    name: 'healthz-bind-address',
    kind: 'string',
    default: '0.0.0.0:10256',
    help: 'address of the health server',
    path: 'healthzBindAddress',
  },
  {
    name: 'metrics-bind-address',
    kind: 'string',
    default: '127.0.0.1:10249',
    help: 'address of the metrics server',
    path: 'metricsBindAddress',
  },
  {
    name: 'bind-address-hard-fail',
    kind: 'boolean',
    help: 'exit when a server cannot listen',
    path: 'bindAddressHardFail',
  },
  {
    name: 'profiling',
    kind: 'boolean',
    help: 'accepted but without effect, as in the file',
    path: 'enableProfiling',
  },
  {
    name: 'show-hidden-metrics-for-version',
    kind: 'string',
    help: 'accepted but without effect, as in the file',
    path: 'showHiddenMetricsForVersion',
  },
  {
    name: 'proxy-mode',
    kind: 'string',
    default: 'iptables',
    help: 'proxy mode: iptables, ipvs, nftables or userspace',
    path: 'mode',
  },
  {
    name: 'iptables-masquerade-bit',
    kind: 'integer',
    default: '14',
    help: 'bit of the packet mark that requests masquerading, 0 to 31',
    path: 'iptables.masqueradeBit',
  },
  {
    name: 'masquerade-all',
    kind: 'boolean',
    help: 'masquerade all traffic to cluster IPs',
    path: 'iptables.masqueradeAll',
  },
  {
    name: 'iptables-localhost-nodeports',
    kind: 'boolean',
    default: 'true',
    help: 'let node ports answer on 127.0.0.1 too',
    path: 'iptables.localhostNodePorts',
  },
  {
    name: 'iptables-sync-period',
    kind: 'duration',
    default: '30s',
    help: 'time between checks of the rules, and before a failed sync is retried',
    path: 'iptables.syncPeriod',
  },
  {
    name: 'iptables-min-sync-period',
    kind: 'duration',
    default: '1s',
    help: 'minimum time between two syncs',
    path: 'iptables.minSyncPeriod',
  },
  { name: 'ipvs-sync-period', kind: 'duration', help: 'ipvs mode', path: 'ipvs.syncPeriod' },
  {
    name: 'ipvs-min-sync-period',
    kind: 'duration',
    help: 'ipvs mode',
    path: 'ipvs.minSyncPeriod',
  },
  { name: 'ipvs-scheduler', kind: 'string', help: 'ipvs mode', path: 'ipvs.scheduler' },
  { name: 'ipvs-exclude-cidrs', kind: 'list', help: 'ipvs mode', path: 'ipvs.excludeCIDRs' },
  { name: 'ipvs-strict-arp', kind: 'boolean', help: 'ipvs mode', path: 'ipvs.strictARP' },
  { name: 'ipvs-tcp-timeout', kind: 'duration', help: 'ipvs mode', path: 'ipvs.tcpTimeout' },
  { name: 'ipvs-tcpfin-timeout', kind: 'duration', help: 'ipvs mode', path: 'ipvs.tcpFinTimeout' },
  { name: 'ipvs-udp-timeout', kind: 'duration', help: 'ipvs mode', path: 'ipvs.udpTimeout' },
  {
    name: 'detect-local-mode',
    kind: 'string',
    default: 'ClusterCIDR',
    help: "how this node's pods are recognised",
    path: 'detectLocalMode',
  },
  {
    name: 'pod-bridge-interface',
    kind: 'string',
    help: 'bridge of pods, for BridgeInterface',
    path: 'detectLocal.bridgeInterface',
  },
  {
    name: 'pod-interface-name-prefix',
    kind: 'string',
    help: "prefix of pods' interface names, for InterfaceNamePrefix",
    path: 'detectLocal.interfaceNamePrefix',
  },
  {
    name: 'cluster-cidr',
    kind: 'string',
    help: 'range of all pods; for dual stack one of each family',
    path: 'clusterCIDR',
  },
  {
    name: 'nodeport-addresses',
    kind: 'list',
    help: 'addresses on which node ports answer: CIDRs, or "primary"',
    path: 'nodePortAddresses',
  },
  {
    name: 'oom-score-adj',
    kind: 'integer',
    default: '-999',
    help: 'oom_score_adj of this process',
    path: 'oomScoreAdj',
  },
  {
    name: 'conntrack-max-per-core',
    kind: 'integer',
    default: '32768',
    help: "limit of tracked connections per CPU; 0 leaves the kernel's limit",
    path: 'conntrack.maxPerCore',
  },
  {
    name: 'conntrack-min',
    kind: 'integer',
    default: '131072',
    help: 'minimum limit of tracked connections',
    path: 'conntrack.min',
  },
  {
    name: 'conntrack-tcp-timeout-established',
    kind: 'duration',
    default: '24h',
    help: "time before idle TCP connections are forgotten; 0 leaves the kernel's setting",
    path: 'conntrack.tcpEstablishedTimeout',
  },
  {
    name: 'conntrack-tcp-timeout-close-wait',
    kind: 'duration',
    default: '1h',
    help: "time before half-closed connections are forgotten; 0 leaves the kernel's setting",
    path: 'conntrack.tcpCloseWaitTimeout',
  },
  {
    name: 'conntrack-tcp-be-liberal',
    kind: 'boolean',
    help: 'accept TCP packets out of window',
    path: 'conntrack.tcpBeLiberal',
  },
  {
    name: 'conntrack-udp-timeout',
    kind: 'duration',
    help: "time before UDP flows without an answer are forgotten; 0 leaves the kernel's setting",
    path: 'conntrack.udpTimeout',
  },
  {
    name: 'conntrack-udp-timeout-stream',
    kind: 'duration',
    help: "time before UDP flows with answers are forgotten; 0 leaves the kernel's setting",
    path: 'conntrack.udpStreamTimeout',
  },
  {
    name: 'proxy-port-range',
    kind: 'string',
    help: 'ports that the userspace mode may listen on, e.g. 8000-8099; default: any',
    path: 'portRange',
  },
  {
    name: 'udp-timeout',
    kind: 'duration',
    help: 'time that the userspace mode remembers a silent UDP client; default: 60s',
    path: 'udpIdleTimeout',
  },
  {
    name: 'config-sync-period',
    kind: 'duration',
    default: '15m',
    help: 'accepted but without effect, as in the file',
    path: 'configSyncPeriod',
  },
];

const DEPRECATED: readonly FlagSpec[] = [
  {
    name: 'healthz-port',
    kind: 'integer',
    help: 'port of the health server; 0 switches it off',
    deprecated: 'use --healthz-bind-address instead',
  },
  {
    name: 'metrics-port',
    kind: 'integer',
    help: 'port of the metrics server; 0 switches it off',
    deprecated: 'use --metrics-bind-address instead',
  },
];

const ignored = (names: Readonly<Record<string, FlagSpec['kind']>>, why: string): FlagSpec[] =>
  Object.entries(names).map(([name, kind]) => ({ name, kind, help: '', ignored: why }));

/** Old service files must keep working. */
const IGNORED: readonly FlagSpec[] = [
  ...ignored(
    {
      'log-dir': 'string',
      'log-file': 'string',
      'log-file-max-size': 'integer',
      logtostderr: 'boolean',
      alsologtostderr: 'boolean',
      stderrthreshold: 'string',
      'one-output': 'boolean',
      'add-dir-header': 'boolean',
      'skip-headers': 'boolean',
      'skip-log-headers': 'boolean',
      'log-backtrace-at': 'string',
    },
    'all logs go to stderr, one line each',
  ),
  ...ignored(
    { 'boot-id-file': 'string', 'machine-id-file': 'string', 'cleanup-ipvs': 'boolean' },
    'it has no use here',
  ),
  ...ignored({ 'resource-container': 'string', 'conntrack-max': 'integer' }, 'it was removed'),
];

export const FLAGS: readonly FlagSpec[] = [
  ...PROGRAM,
  ...CONFIG,
  ...LOGGING_FLAGS,
  ...DEPRECATED,
  ...IGNORED,
];
