import type { Proof } from './settings.ts';

const test = (where: string): Proof => ({ test: where });
const inert = (why: string): Proof => ({ inert: why });

/** Proofs of the fields of KubeletConfiguration that the test of effects has no row for. */
export const KUBELET_FIELDS: Readonly<Record<string, Proof>> = {
  rotateCertificates: test(
    'APP/integration/bootstrap.test.ts › requests its certificates, registers with the first and serves with the second',
  ),
  syncFrequency: test(
    'unit/assembly/create-kubelet.test.ts › looks at pods again after syncFrequency',
  ),
  runOnce: {
    refused: 'Kubernetes no longer supports it',
    test: 'unit/config/parse-config.test.ts › runOnce',
  },
  podCIDR: test('unit/assembly/create-kubelet.test.ts › passes the address range of its pods'),
  cgroupRoot: test(
    'unit/assembly/create-kubelet.test.ts › puts the cgroup of all pods below cgroupRoot',
  ),
  cgroupsPerQOS: test(
    'unit/assembly/create-kubelet.test.ts › with cgroupsPerQOS false makes no cgroups',
  ),
  cgroupDriver: test(
    'unit/assembly/create-kubelet.test.ts › limits a pod by its cgroup and records its allocated resources',
  ),
  enforceNodeAllocatable: test(
    'unit/assembly/field-effects.test.ts › enforceNodeAllocatable changes how the kubelet runs',
  ),
  maxOpenFiles: test(
    'unit/assembly/create-kubelet.test.ts › sets its own limit of open files by maxOpenFiles',
  ),
  oomScoreAdj: test('unit/assembly/create-kubelet.test.ts › sets its own score by oomScoreAdj'),
  kubeletCgroups: test(
    'unit/stats/system-cgroups.test.ts › are pods and kubelet by default, even with the kubelet in the root cgroup',
  ),
  systemCgroups: test(
    'unit/stats/system-cgroups.test.ts › include runtime and misc if their cgroups are configured',
  ),
  failCgroupV1: test('unit/assembly/connect-runtime.test.ts › failCgroupV1'),
  failSwapOn: test('unit/assembly/connect-runtime.test.ts › failSwapOn'),
  volumeStatsAggPeriod: test('E2E/storage.test.ts'),
  hairpinMode: inert('the network plug-in chooses it since dockershim was removed'),
  featureGates: test('unit/assembly/settings.test.ts › with the gates'),
  showHiddenMetricsForVersion: inert(
    'no metric of this release is hidden; any value but the release before is refused',
  ),
  'logging.format': test('E2E/no-secrets.test.ts › logs as'),
  'logging.flushFrequency': test(
    'BASE/unit/logger.test.ts › hold information back until the buffer is full, time is up or the program ends',
  ),
  'logging.options.text.splitStream': test('BASE/unit/logger.test.ts › split streams'),
  'logging.options.json.splitStream': test('BASE/unit/logger.test.ts › split streams'),
  'logging.options.text.infoBufferSize': test(
    'BASE/unit/logging-fields.test.ts › takes the options of the chosen format',
  ),
  'logging.options.json.infoBufferSize': test(
    'BASE/unit/logging-fields.test.ts › takes the options of the chosen format',
  ),
  'logging.vmodule': test('APP/integration/configuration.test.ts › is a part’s own with --vmodule'),
  'logging.verbosity': test(
    'APP/integration/configuration.test.ts › changes while the kubelet runs',
  ),
  tracing: test('E2E/no-secrets.test.ts › cover the work for pods and the calls to the runtime'),
};

/** Proofs of the fields of KubeProxyConfiguration that the test of effects has no row for. */
export const PROXY_FIELDS: Readonly<Record<string, Proof>> = {
  enableProfiling: test('PROXY/integration/program.test.ts › serves profiles with enableProfiling'),
  featureGates: test('unit/run/metrics-server.test.ts › metricsHandler'),
  showHiddenMetricsForVersion: inert(
    'no metric of this release is hidden; any value but the release before is refused',
  ),
  'logging.options.text.splitStream': test('BASE/unit/logger.test.ts › split streams'),
  'logging.options.json.splitStream': test('BASE/unit/logger.test.ts › split streams'),
  'logging.options.text.infoBufferSize': test(
    'BASE/unit/logging-fields.test.ts › takes the options of the chosen format',
  ),
  'logging.options.json.infoBufferSize': test(
    'BASE/unit/logging-fields.test.ts › takes the options of the chosen format',
  ),
};

/** Flags of the kubelet that are no fields of its configuration. */
export const KUBELET_FLAGS: Readonly<Record<string, Proof>> = {
  config: test(
    'APP/integration/configuration.test.ts › applies the file, then the drop-ins in order, then the flags',
  ),
  'config-dir': test(
    'APP/integration/configuration.test.ts › applies the file, then the drop-ins in order, then the flags',
  ),
  kubeconfig: test(
    'APP/unit/options.test.ts › may omit the kubeconfig to run without an API server',
  ),
  'bootstrap-kubeconfig': test(
    'APP/unit/options.test.ts › name the bootstrap kubeconfig and the path of the node’s own',
  ),
  'hostname-override': test(
    'APP/unit/options.test.ts › set the node’s name, with the lower-case host name as default',
  ),
  'node-ip': test(
    'APP/unit/options.test.ts › set the node’s name, with the lower-case host name as default',
  ),
  'node-labels': test(
    'APP/unit/options.test.ts › joins the labels of repeated flags, later values last',
  ),
  'root-dir': test(
    'APP/integration/bootstrap.test.ts › uses its certificates again after a restart',
  ),
  'cert-dir': test(
    'APP/unit/options.test.ts › leave certificates where kubeconfigs of other kubelets look for them',
  ),
  'cloud-provider': test('NODE/unit/addresses.test.ts › external, new'),
  'image-credential-provider-config': test(
    'APP/unit/options.test.ts › set both the configuration and the directory of credential providers, or neither',
  ),
  'image-credential-provider-bin-dir': test(
    'APP/unit/options.test.ts › set both the configuration and the directory of credential providers, or neither',
  ),
  version: test('BASE/unit/program.test.ts › --version'),
  help: test('BASE/unit/program.test.ts › --help'),
  'minimum-container-ttl-duration': test(
    'APP/unit/options.test.ts › read how many ended containers stay; unit/reclaim/container-gc.test.ts › removes nothing that runs or is too young',
  ),
  'maximum-dead-containers-per-container': test(
    'unit/assembly/create-kubelet.test.ts › keeps as many ended containers as its identity says',
  ),
  'maximum-dead-containers': test(
    'unit/assembly/create-kubelet.test.ts › keeps as many ended containers as its identity says',
  ),
  'runtime-cgroups': test(
    'APP/unit/options.test.ts › reads the cgroup of the container runtime from its flag',
  ),
};

/** Flags of kube-proxy that are no fields of its configuration. */
export const PROXY_FLAGS: Readonly<Record<string, Proof>> = {
  config: test('PROXY/unit/options.test.ts › set only logs, names and tasks'),
  'write-config-to': test(
    'PROXY/integration/program.test.ts › writes the configuration that it uses without a file',
  ),
  cleanup: test(
    'PROXY/integration/program.test.ts › ends after --init-only and removes everything with --cleanup',
  ),
  'init-only': test(
    'PROXY/integration/program.test.ts › ends after --init-only and removes everything with --cleanup',
  ),
  version: test('BASE/unit/program.test.ts › --version'),
  help: test('BASE/unit/program.test.ts › --help'),
  master: test('PROXY/unit/options.test.ts › set only logs, names and tasks'),
  'healthz-port': test(
    'PROXY/unit/options.test.ts › do not switch the file’s server off by a deprecated port',
  ),
  'metrics-port': test(
    'PROXY/unit/options.test.ts › do not switch the file’s server off by a deprecated port',
  ),
};

/** Gates that an agent's sources read. */
export const GATES: Readonly<Record<string, Proof>> = {
  AllAlpha: test('BASE/unit/parse-features.test.ts › AllAlpha'),
  AllBeta: test('BASE/unit/parse-features.test.ts › AllBeta'),
  ComponentFlagz: test(
    'contract/node-api-transport.test.ts › /flagz; PROXIES/unit/run/metrics-server.test.ts › ComponentFlagz',
  ),
  LoggingAlphaOptions: test('BASE/unit/logging-fields.test.ts › finds in'),
  LoggingBetaOptions: test('BASE/unit/logging-fields.test.ts › finds in'),
  ComponentStatusz: test(
    'contract/node-api-transport.test.ts › /statusz; PROXIES/unit/run/metrics-server.test.ts › ComponentStatusz',
  ),
};
