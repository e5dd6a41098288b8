import { mkdir, writeFile } from 'node:fs/promises';
import { availableParallelism, totalmem } from 'node:os';
import { join } from 'node:path';

import { type Clock, type Logger, type Random, type ScopeTask } from '@nodeagent/base';
import { createSystemClock } from '@nodeagent/base/system';
import {
  collectWhenIdle,
  createPrometheusMetrics,
  type PrometheusMetrics,
} from '@nodeagent/component-base/process';
import type { ExportingTracer } from '@nodeagent/component-base/tracing';
import { createCriClient, type CriClient } from '@nodeagent/cri-client/grpc';
import {
  createNoApiClient,
  type KubeClient,
  QueuedEventRecorder,
  runReflector,
  type Service,
  SERVICES,
  Store,
} from '@nodeagent/kube-client';
import { createKubeClient, type HttpKubeClient } from '@nodeagent/kube-client/http';
import {
  checkResolvConf,
  createContainerVolumes,
  createCredentialProviders,
  createFieldReader,
  createNodeEvents,
  createPodEvents,
  createPodRuntime,
  createPodVolumes,
  createPullMeter,
  createPullCredentials,
  createRuntimeWatch,
  meterCri,
  traceCri,
  createTokenCache,
  enforceAllocatable,
  hostIpsOf,
  type KubeletPorts,
  OwnNode,
  PodCgroups,
  type PodVolumes,
  type PullCredentialSources,
  runKubelet,
  shareRootDir,
  type Surroundings,
  type TokenSource,
  UserNamespaces,
} from '@nodeagent/kubelet';
import {
  type ConfiguredProviders,
  callHook,
  createCgroupTree,
  createDockerConfigReader,
  createHealthServer,
  createMounter,
  createPodFiles,
  createProviderPrograms,
  createPullRecordFiles,
  createSubPaths,
  createUserNamespaceFiles,
  createVolumeFiles,
  hasCgroupV2,
  readCredentialProviders,
  readRuntimeMachine,
  readSubIds,
} from '@nodeagent/kubelet/adapters';
import { createProcFacts } from '@nodeagent/node-status/proc';
import { createGrpcProber } from '@nodeagent/probes/grpc';
import { createHttpProber } from '@nodeagent/probes/http';
import { createTcpProber } from '@nodeagent/probes/tcp';

import { checkApi } from './check-api.js';
import {
  checkCgroupVersion,
  checkEndpoints,
  connectRuntime,
  type ReadyRuntime,
} from './connect-runtime.js';
import type { Options } from './options.js';
import {
  allocatableMemory,
  PodWakes,
  tellMissing,
  wireObjects,
  wireProjections,
  withFollowers,
} from './pod-objects.js';
import {
  allPodsLimits,
  cgroupRules,
  crashLoopRules,
  idRange,
  nodeConfig,
  pullRules,
  resizeRules,
  runtimeSettings,
  VERSION,
} from './settings.js';
import { type OpenConnection, openConnection, rotationTasks } from './wire-certificates.js';
import {
  admissionRules,
  createLogRecorder,
  openRecords,
  podLeftovers,
  staticSources,
} from './wire-pods.js';
import { rotateLogs, type WiredServer, wireServer } from './wire-server.js';
import { type WiredStats, wireStats } from './wire-stats.js';

interface Base {
  readonly options: Options;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly metrics: PrometheusMetrics;
  readonly probeMetrics: PrometheusMetrics;
}

/** Runs the kubelet on this machine until the signal fires; containers run on after it. */
export async function run(options: Options, log: Logger, signal: AbortSignal): Promise<void> {
  const base: Base = {
    options,
    log,
    clock: createSystemClock(),
    random: Math.random,
    metrics: createPrometheusMetrics({ processVersion: VERSION }),
    probeMetrics: createPrometheusMetrics(),
  };
  checkEndpoints(options);
  const isV2 = await hasCgroupV2();
  checkCgroupVersion(options, isV2);
  const providers = await configuredProviders(options);
  const api = await connectApi(base, signal);
  if (api === undefined) log.warn({}, 'no --kubeconfig: only static pods run, others are ended');
  const tracer = await wireTracer(base);
  const cri = wireRuntime(base, tracer);
  let nodeApi: WiredServer | undefined;
  try {
    const [runtime] = await Promise.all([connectRuntime(cri, base, signal), api?.check(signal)]);
    await adjustOomScore(options.config.oomScoreAdj, log);
    await makeDirectories(options);
    const client = api?.client ?? createNoApiClient(STANDALONE);
    const ports = await wirePorts({ ...base, client, cri, runtime, isV2, providers }, signal);
    const { stats } = ports;
    nodeApi = await wireServer({ ...base, connection: api?.connection, cri, stats }, signal);
    await runKubelet(
      {
        ...ports,
        ...(nodeApi && { server: nodeApi.server }),
        ...(tracer && { tracer }),
        tasks: [
          ...(tracer ? [(inner: AbortSignal) => tracer.run(inner)] : []),
          ...(ports.tasks ?? []),
          ...rotationTasks({
            ...{ ...base, client },
            connection: api?.connection,
            bootstrap: api?.bootstrap,
            addresses: () => ports.ownNode.current()?.status?.addresses ?? [],
            issued: nodeApi?.issued,
          }),
        ],
      },
      {
        node: nodeConfig(options),
        standalone: api === undefined,
        syncFrequencyMs: options.config.syncFrequency,
        crashLoopRules: crashLoopRules(options.config),
      },
      signal,
    );
  } finally {
    cri.close();
    api?.client.close();
    nodeApi?.close();
  }
}

/** @see Kubernetes 1.36 pkg/kubelet/cm/container_manager.go */
const CGROUP_V1 =
  'cgroup v1 detected. cgroup v1 support is deprecated and will be removed in a future release. Please migrate to cgroup v2. More information at https://git.k8s.io/enhancements/keps/sig-node/5573-remove-cgroup-v1';
const STANDALONE = 'there is no API server: the kubelet was started without --kubeconfig';

interface Api extends OpenConnection {
  readonly client: HttpKubeClient;
  check(signal: AbortSignal): Promise<void>;
}

/** @returns undefined without a kubeconfig */
async function connectApi(base: Base, started: AbortSignal): Promise<Api | undefined> {
  const { config, kubeconfig, nodeName } = base.options;
  const opened = await openConnection(base, started);
  if (opened === undefined || kubeconfig === undefined) return undefined;
  const { connection } = opened;
  const client = createKubeClient(connection, {
    userAgent: `kubelet/${VERSION} (linux/${process.arch}) nodeagent`,
    rateLimit: { perSecond: config.kubeAPIQPS || 5, burst: config.kubeAPIBurst || 10 },
    metrics: base.metrics,
  });
  const check = async (signal: AbortSignal): Promise<void> => {
    // a node that is still to get its certificate can be no more than refused
    if (opened.bootstrap !== undefined) return;
    await checkApi(client, connection, { kubeconfig, nodeName, signal });
  };
  return { ...opened, client, check };
}

/** What the OpenTelemetry part needs is loaded only where `tracing` is configured. */
async function wireTracer({ options, clock, log }: Base): Promise<ExportingTracer | undefined> {
  const { config, nodeName } = options;
  if (config.tracing === undefined || config.tracing === null) return undefined;
  const { createOtlpTracer } = await import('@nodeagent/component-base/tracing');
  return createOtlpTracer({
    ...{ ...config.tracing, clock, log },
    resource: { 'service.name': 'kubelet', 'host.name': nodeName },
    scope: 'k8s.io/kubernetes/pkg/kubelet',
  });
}

function wireRuntime(base: Base, tracer: ExportingTracer | undefined): CriClient {
  const cri = meterCri(openRuntime(base, tracer), base);
  return tracer === undefined ? cri : traceCri(cri, tracer);
}

function openRuntime({ options, log }: Base, tracer: ExportingTracer | undefined): CriClient {
  const { config } = options;
  const {
    containerRuntimeEndpoint: endpoint,
    imageServiceEndpoint,
    runtimeRequestTimeout,
  } = config;
  return createCriClient({
    headers: tracer && (() => tracer.headers()),
    endpoint,
    imageEndpoint: imageServiceEndpoint === '' ? undefined : imageServiceEndpoint,
    requestTimeoutMs: runtimeRequestTimeout,
    onWarning: (warning) => log.warn({}, warning),
  });
}

type Wiring = Base &
  Readonly<{
    client: KubeClient;
    cri: CriClient;
    runtime: ReadyRuntime;
    isV2: boolean;
    providers: ConfiguredProviders | undefined;
  }>;

async function wirePorts(
  wiring: Wiring,
  lifetime: AbortSignal,
): Promise<KubeletPorts & { readonly stats: WiredStats }> {
  const { options, client, cri, clock, random, log, metrics } = wiring;
  const { nodeName, rootDir, config } = options;
  const component = { component: 'kubelet', host: nodeName, clock, random, metrics };
  const isStandalone = options.kubeconfig === undefined;
  const queue = new QueuedEventRecorder(component);
  const recorder = isStandalone ? createLogRecorder(log) : queue;
  const events = createPodEvents(recorder);
  const ownNode = new OwnNode({ client, nodeName, clock, random, log, metrics });
  const services = watchServices(wiring);
  const surroundings: Surroundings = {
    node: () => ({
      hostIps: hostIpsOf(ownNode.current()),
      allocatable: ownNode.current()?.status?.allocatable ?? {},
    }),
    services: services.current,
  };
  const wakes = new PodWakes();
  const objects = wireObjects({ ...wiring, ownNode, wakes }, lifetime);
  const cgroups = await wireCgroups(wiring);
  const stats = await wireStats({ ...wiring, cgroups, ownNode });
  const mounter = createMounter();
  const volumeFiles = createVolumeFiles();
  await shareRootDir(rootDir, { mounter, files: volumeFiles }, lifetime);
  const files = createPodFiles(rootDir);
  const nodeEvents = createNodeEvents(recorder, nodeName);
  const settings = runtimeSettings(options, {
    memoryBytes: totalmem(),
    isCgroupV2: wiring.isV2,
    runtime: await readRuntimeMachine(),
  });
  await checkResolvConf({ files, nodeEvents }, settings);
  if (!wiring.isV2) nodeEvents.warning('CgroupV1', CGROUP_V1);
  const tokens = createTokenCache({
    ...{ client, clock, random },
    onRenewalFailed: (pod, err) =>
      log.warn({ pod: pod.metadata?.name, err }, 'token not renewed, the old one still works'),
  });
  const records = await openRecords(options, log);
  const pulls = createPullMeter(metrics);
  const runtime = createPodRuntime(
    {
      pulls,
      resources: records,
      ...{ client, objects, surroundings, events, nodeEvents, files, clock, log },
      cri: cri.runtime,
      images: cri.images,
      volumes: createContainerVolumes({ rootDir, subPaths: createSubPaths(mounter) }),
      credentials: createPullCredentials({
        objects,
        nodeEntries: createDockerConfigReader(rootDir),
        onMissing: tellMissing(events),
        ...providedCredentials({ ...wiring, tokens }, lifetime),
      }),
      records: createPullRecordFiles(rootDir),
      userNamespaces: new UserNamespaces(
        createUserNamespaceFiles(rootDir),
        idRange(options, await readSubIds()),
        random,
      ),
      cgroups,
      call: callHook,
    },
    settings,
    pullRules(config),
  );
  const projections = wireProjections({ ...wiring, ownNode, wakes, events }, lifetime);
  const volumes = createPodVolumes({
    ...{ rootDir, mounter, objects, events, clock },
    nodeMemoryBytes: () => allocatableMemory(ownNode.current()),
    files: volumeFiles,
    fields: createFieldReader(surroundings),
    tokens,
    ...projections.sources,
  });
  wakes.onWake((uid) => volumes.expire(uid));
  return {
    ...{ client, ownNode, events, nodeEvents, runtime, clock, random, log, stats },
    onWakeable: (wake) => wakes.onWake(wake),
    sources: staticSources({ options, events, clock, log }),
    resources: { records, rules: resizeRules(config, settings) },
    admission: { rules: await admissionRules(options) },
    metrics,
    probeMetrics: wiring.probeMetrics,
    pulls,
    cri: cri.runtime,
    images: cri.images,
    facts: createProcFacts({ rootDir }),
    runtimeEvents: createRuntimeWatch({
      ...{ cri: cri.runtime, clock, log },
      streams: wiring.runtime.containerEvents,
      compare: (uid, told) => runtime.compare(uid, told),
      metrics,
    }),
    podsProblem: () => cgroups.problem(),
    volumes: withCgroups(withFollowers(volumes, [objects, ...projections.followers]), cgroups),
    leftovers: podLeftovers(options, cgroups),
    prober: { http: createHttpProber(), tcp: createTcpProber(), grpc: createGrpcProber() },
    health: createHealthServer({
      ...{ address: config.healthzBindAddress, port: config.healthzPort },
      ...{ metrics, clock, log },
    }),
    tasks: [
      ...(isStandalone ? [] : [(inner: AbortSignal) => queue.run(client, inner), services.run]),
      (inner) => collectWhenIdle(clock, inner),
      (inner) => cgroups.run(clock, inner),
      (inner) => holdPods({ ...wiring, cgroups, nodeEvents }, inner),
      (inner) => rotateLogs(wiring, inner),
      (inner) => stats.run(inner),
    ],
  };
}

/** @throws {ConfigError} */
async function configuredProviders({
  credentialProviders: given,
  config,
}: Options): Promise<ConfiguredProviders | undefined> {
  if (given === undefined) return undefined;
  const tokens = config.featureGates['KubeletServiceAccountTokenForCredentialProviders'] ?? true;
  return readCredentialProviders(given.config, given.binDir, { tokens });
}

/** What credential providers give; nothing where none are configured. */
function providedCredentials(
  wiring: Wiring & Readonly<{ tokens: TokenSource }>,
  lifetime: AbortSignal,
): Pick<PullCredentialSources, 'provided'> {
  const { options, metrics, providers: configured } = wiring;
  if (configured === undefined) return {};
  const { providers, hash } = configured;
  metrics
    .gauge({
      name: 'kubelet_credential_provider_config_info',
      help: 'Information about the last applied credential provider configuration with hash as label',
      labelNames: ['hash'],
    })
    .set(1, { hash });
  const call = createProviderPrograms(options.credentialProviders?.binDir ?? '');
  return { provided: createCredentialProviders({ ...wiring, providers, call }, lifetime) };
}

/** Holds all pods together to what the configuration leaves them. */
async function holdPods(
  parts: Wiring & Readonly<{ cgroups: PodCgroups; nodeEvents: KubeletPorts['nodeEvents'] }>,
  signal: AbortSignal,
): Promise<void> {
  const { cgroups, nodeEvents: events, clock, options } = parts;
  const { cgroupsPerQOS, enforceNodeAllocatable } = options.config;
  if (!cgroupsPerQOS || !enforceNodeAllocatable.includes('pods')) return;
  const machine = { cpuCount: availableParallelism(), memoryBytes: totalmem() };
  const limits = allPodsLimits(options.config, machine);
  await enforceAllocatable({ cgroups, limits, events, clock }, signal);
}

async function wireCgroups({ options, runtime, log }: Wiring): Promise<PodCgroups> {
  const { config } = options;
  const driver = runtime.cgroupDriver ?? config.cgroupDriver;
  const tree = await createCgroupTree(driver);
  const layout = { driver, root: config.cgroupRoot };
  const cgroups = new PodCgroups({ tree, layout, rules: cgroupRules(config), log });
  if (config.cgroupsPerQOS) await cgroups.start();
  return cgroups;
}

/** A pod's cgroup goes with its files. */
function withCgroups(volumes: PodVolumes, cgroups: PodCgroups): PodVolumes {
  return {
    ...volumes,
    teardown: async (uid, signal) => {
      await cgroups.remove(uid);
      await volumes.teardown(uid, signal);
    },
  };
}

interface ServiceWatch {
  readonly current: () => readonly Service[] | undefined;
  readonly run: ScopeTask;
}

/** What the environment of pods tells of services; nothing else is kept of them. */
function watchServices({ client, clock, random, log, metrics }: Wiring): ServiceWatch {
  const store = new Store<Service>();
  let synced = false;
  return {
    current: () => (synced ? [...store.items.values()] : undefined),
    run: (signal) =>
      runReflector(
        client,
        {
          resource: SERVICES,
          selectors: { fieldSelector: 'spec.clusterIP!=None' },
          project: projectService,
          sink: store,
          ...{ clock, random, log, metrics },
          onSynced: () => {
            synced = true;
          },
          onError: (err, retryInMs) => log.warn({ err, retryInMs }, 'services cannot be watched'),
        },
        signal,
      ),
  };
}

function projectService({ metadata = {}, spec = {} }: Service): Service {
  const { name = '', namespace = '' } = metadata;
  const ports = (spec.ports ?? []).map(({ name: portName, port, protocol }) => ({
    port,
    ...(portName !== undefined && { name: portName }),
    ...(protocol !== undefined && { protocol }),
  }));
  const { clusterIP } = spec;
  return { metadata: { name, namespace }, spec: { ...(clusterIP && { clusterIP }), ports } };
}

async function makeDirectories({ rootDir, config }: Options): Promise<void> {
  for (const name of ['', 'pods', 'plugins', 'plugins_registry', 'pod-resources', 'checkpoints']) {
    await mkdir(join(rootDir, name), { recursive: true, mode: 0o750 });
  }
  await mkdir(config.podLogsDir, { recursive: true, mode: 0o750 });
}

/** Not being allowed to is common in containers, and no reason not to run. */
async function adjustOomScore(score: number, log: Logger): Promise<void> {
  try {
    await writeFile('/proc/self/oom_score_adj', String(score));
  } catch (err) {
    log.warn({ err, oomScoreAdj: score }, 'oom_score_adj stays as it is');
  }
}
