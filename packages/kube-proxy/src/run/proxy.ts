import {
  type Clock,
  isAborted,
  type Logger,
  type Metrics,
  type Random,
  runScope,
} from '@nodeagent/base';
import { type Profiler, recordFeatures, type Verbosity } from '@nodeagent/component-base';
import { type KubeClient, QueuedEventRecorder } from '@nodeagent/kube-client';
import type { CommandRunner } from '@nodeagent/netfilter';

import { familyOf, IP_FAMILIES } from '../model/address.js';
import type { ProxyConfig } from '../model/config.js';
import { ProxyError } from '../model/errors.js';
import { type ProxyMetrics, proxyMetrics } from '../model/metrics.js';
import { detectNodeIps, type NodeInfo, type NodeIps } from '../model/node-info.js';
import { matchingAddresses, nodePortAddresses, nodePortCidrs } from '../model/node-ports.js';
import { conntrackSettings } from '../plan/kernel-settings.js';
import type { ForwardSockets, HttpListener, Interfaces, OpenNetlink, Sysctl } from '../ports.js';
import { FamilyProxy } from './family-proxy.js';
import { KernelSettings } from './kernel-settings.js';
import { metricsHandler, type ProxyProgram } from './metrics-server.js';
import type { FamilySetup, ModeContext } from './mode.js';
import { ObjectProblems } from './object-problems.js';
import { ProxyHealth } from './proxy-health.js';
import { serve } from './serve.js';
import { ServiceHealth } from './service-health.js';
import { loadMode } from './set-up-mode.js';
import { type SourceOptions, watchServiceCidrs, watchServices, watchSlices } from './sources.js';
import { NodeWatch } from './watch-node.js';

/** Everything outside the proxy that it uses. */
export interface ProxyDependencies {
  readonly client: KubeClient;
  readonly commands: CommandRunner;
  /** When absent, programs are run instead. */
  readonly openNetlink?: OpenNetlink;
  /**
   * Returns the text of /proc/net/ip_vs, undefined when there is none. When absent, ipvs mode
   * queries the destinations of each service for every full comparison.
   */
  readonly readIpvsTable?: () => Promise<string | undefined>;
  readonly sysctl: Sysctl;
  readonly interfaces: Interfaces;
  readonly http: HttpListener;
  /** Absent: no profiles, whatever `enableProfiling` says. */
  readonly profiler?: Profiler;
  /** The verbosity of `log`; absent: it is fixed, whatever `enableProfiling` says. */
  readonly verbosity?: Verbosity;
  /** The userspace mode's data path. */
  readonly sockets: ForwardSockets;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly metrics: Metrics & Readonly<{ contentType: string; render(): Promise<string> }>;
  readonly cpuCount: number;
}

/** The configuration of a proxy, and hooks for the program around it. */
export interface ProxyOptions {
  readonly config: ProxyConfig;
  readonly nodeName: string;
  /** Contents of `/flagz` and `/statusz`; neither is served when absent. */
  readonly program?: ProxyProgram;
  /** Ends after the kernel has been prepared. */
  readonly initOnly: boolean;
  /** Called once, when all loops have been started, with the answer of `/livez`. */
  readonly onStarted?: (isHealthy: () => boolean) => void;
  /**
   * Called once, when the rules of every family have been written; runs alongside everything else.
   */
  readonly onProgrammed?: (signal: AbortSignal) => Promise<void>;
}

const NODE_IP_PATIENCE_MS = 30_000;
const POD_CIDR_PATIENCE_MS = 5 * 60_000;

/**
 * Prepares the kernel, then keeps its rules in step with the API until the signal fires. The rules
 * stay when it ends: connections continue without it.
 *
 * @throws {ProxyError} when this node cannot be a proxy, or when a change requires a restart
 * @throws {NetfilterError} when the tables cannot be used at all
 */
export async function runProxy(
  options: ProxyOptions,
  dependencies: ProxyDependencies,
  signal: AbortSignal,
): Promise<void> {
  const done = new AbortController();
  const inner = AbortSignal.any([signal, done.signal]);
  const { nodeName } = options;
  const { client, clock, random, log, metrics } = dependencies;
  const nodes = new NodeWatch({ client, clock, random, log, counters: metrics, nodeName });
  const main = async (scope: AbortSignal): Promise<void> => {
    await startAndRun({ options, dependencies, nodes }, scope);
    done.abort();
  };
  await runScope([(scope) => nodes.run(scope), main], inner);
}

interface Context {
  readonly options: ProxyOptions;
  readonly dependencies: ProxyDependencies;
  readonly nodes: NodeWatch;
}

async function startAndRun(context: Context, signal: AbortSignal): Promise<void> {
  const { config, nodeName, initOnly } = context.options;
  const { sysctl, clock, random, log, metrics: registry, cpuCount } = context.dependencies;
  const node = await waitForNode(context, signal);
  if (signal.aborted) return;
  const nodeIps = detectNodeIps(node?.ips ?? [], config.bindAddress);
  const metrics = proxyMetrics(registry);
  recordFeatures(registry, config.features);
  const health = new ProxyHealth({ clock, timeoutMs: 2 * config.syncPeriodMs, metrics });
  const events = new QueuedEventRecorder({
    clock,
    random,
    metrics: registry,
    component: 'kube-proxy',
    instance: `kube-proxy-${nodeName}`,
    onDrop: ({ reason, message }, error) => {
      log.warn({ err: error, reason, message }, 'event not written');
    },
  });
  const refreshers: ((signal: AbortSignal) => Promise<void>)[] = [];
  const renderMetrics = async (): Promise<string> => {
    for (const refresh of refreshers) await refresh(signal);
    return registry.render();
  };
  const problems = new ObjectProblems({ events, log });
  const kernel = new KernelSettings({ sysctl, clock, log, events, nodeName, strict: initOnly });
  await kernel.want(conntrackSettings(config.conntrack, cpuCount));
  const parts = { renderMetrics, node, nodeIps, metrics, health, events, problems, kernel };
  warnAboutConfig(config, nodeIps, log);
  const mode = modeContext(context, parts, (refresh) => void refreshers.push(refresh));
  const setUp = await loadMode(config.mode);
  const families = await setUp(mode, signal);
  assertFamiliesFit(config, families, mode);
  const clean = (inner: AbortSignal): Promise<void> => removeLeftovers(families, log, inner);
  if (initOnly) return clean(signal);
  const proxies = families.map((found) => createFamily(context, parts, found, mode));
  followNode(context, health, proxies);
  const onProgrammed = async (inner: AbortSignal): Promise<void> => {
    await clean(inner);
    await context.options.onProgrammed?.(inner);
  };
  await runLoops(context, parts, { proxies, onProgrammed }, signal);
}

async function removeLeftovers(
  families: readonly FamilySetup[],
  log: Logger,
  signal: AbortSignal,
): Promise<void> {
  for (const found of families) {
    for (const error of (await found.removeLeftovers?.(signal)) ?? []) {
      log.warn({ family: found.family, err: error }, 'rules of other modes may still exist');
    }
  }
}

async function waitForNode(
  { options: { config, nodeName }, dependencies: { log }, nodes }: Context,
  signal: AbortSignal,
): Promise<NodeInfo | undefined> {
  const withIp = await nodes.waitFor(({ ips }) => ips.length > 0, NODE_IP_PATIENCE_MS, signal);
  if (withIp === undefined && !signal.aborted) {
    const problem = nodes.current === undefined ? 'there is no such Node' : 'it has no IP address';
    log.error({ node: nodeName, problem }, 'node address unknown; continuing without it');
  }
  if (config.detectLocalMode !== 'NodeCIDR' || signal.aborted) return withIp ?? nodes.current;
  const hasCidr = ({ podCidrs }: NodeInfo): boolean => podCidrs.length > 0;
  const node = await nodes.waitFor(hasCidr, POD_CIDR_PATIENCE_MS, signal);
  if (node !== undefined || isAborted(signal)) return node;
  const what = nodes.current === undefined ? 'does not exist' : 'has no spec.podCIDRs';
  throw new ProxyError('PROXY_NODE', `detectLocalMode NodeCIDR: node "${nodeName}" ${what}`);
}

/** The parts that the proxy is made of, apart from its families. */
interface Parts {
  readonly node: NodeInfo | undefined;
  readonly nodeIps: NodeIps;
  readonly metrics: ProxyMetrics;
  readonly renderMetrics: () => Promise<string>;
  readonly health: ProxyHealth;
  readonly events: QueuedEventRecorder;
  readonly problems: ObjectProblems;
  readonly kernel: KernelSettings;
}

function modeContext(
  { options: { config, nodeName }, dependencies }: Context,
  { node, nodeIps, problems, kernel, events }: Parts,
  beforeScrape: ModeContext['beforeScrape'],
): ModeContext {
  const { openNetlink, readIpvsTable } = dependencies;
  const cidrs = nodePortCidrs(config.nodePortAddresses, Object.values(nodeIps.ips));
  const [IPv4, IPv6] = IP_FAMILIES.map((family) => nodePortAddresses(family, cidrs));
  if (IPv4 === undefined || IPv6 === undefined) throw new Error('two families exist');
  return {
    config,
    nodeName,
    nodeIps,
    podCidrs: node?.podCidrs ?? [],
    nodePortAddresses: { IPv4, IPv6 },
    commands: dependencies.commands,
    ...(openNetlink !== undefined && { openNetlink }),
    ...(readIpvsTable !== undefined && { readIpvsTable }),
    sysctl: dependencies.sysctl,
    kernel,
    interfaces: dependencies.interfaces,
    sockets: dependencies.sockets,
    clock: dependencies.clock,
    random: dependencies.random,
    log: dependencies.log,
    beforeScrape,
    metrics: dependencies.metrics,
    problems,
    events,
  };
}

/**
 * On a node with one family, ranges of only the other family are a mistake that would masquerade
 * all traffic or none. @see Kubernetes 1.36 cmd/kube-proxy/app/server.go, checkBadIPConfig
 */
function assertFamiliesFit(
  { detectLocalMode, clusterCidrs }: ProxyConfig,
  families: readonly FamilySetup[],
  { podCidrs }: ModeContext,
): void {
  const [only, other] = families;
  if (only === undefined || other !== undefined) return;
  const ranges = { ClusterCIDR: clusterCidrs, NodeCIDR: podCidrs }[detectLocalMode as string] ?? [];
  if (ranges.length === 0 || ranges.some((cidr) => familyOf(cidr) === only.family)) return;
  const what = detectLocalMode === 'NodeCIDR' ? 'spec.podCIDRs of the node' : 'clusterCIDR';
  const message = `${what} (${ranges.join()}) has no ${only.family} range, the one family served`;
  throw new ProxyError('PROXY_NO_FAMILY', message);
}

function createFamily(
  { options: { config, nodeName }, dependencies }: Context,
  { node, health, events, metrics }: Parts,
  { family, backend, conntrack }: FamilySetup,
  mode: ModeContext,
): FamilyProxy {
  const { interfaces, http, clock, log } = dependencies;
  const addresses = mode.nodePortAddresses[family];
  const wildcard = family === 'IPv4' ? '0.0.0.0' : '::';
  const hosts = addresses.matchesAll
    ? [wildcard]
    : matchingAddresses(addresses, interfaces.addresses(family));
  const isProxyHealthy = (): boolean => health.healthy;
  return new FamilyProxy({
    family,
    backend,
    conntrack,
    topology: { nodeName, zone: node?.zone },
    health,
    serviceHealth: new ServiceHealth({ http, hosts, nodeName, events, isProxyHealthy }),
    clock,
    log,
    metrics,
    syncPeriodMs: config.syncPeriodMs,
    minSyncPeriodMs: config.minSyncPeriodMs,
  });
}

function warnAboutConfig(config: ProxyConfig, { primary }: NodeIps, log: Logger): void {
  const { nodePortAddresses: cidrs, clusterCidrs } = config;
  if (cidrs.length === 0) {
    const hint = 'set nodePortAddresses to "primary" to answer on the node address only';
    log.info({ hint }, 'node ports answer on every address of this host');
  } else if (cidrs[0] !== 'primary' && !cidrs.some((cidr) => familyOf(cidr) === primary)) {
    log.warn({ cidrs, family: primary }, 'nodePortAddresses has no range of the primary family');
  }
  if (clusterCidrs.length > 0 && !clusterCidrs.some((cidr) => familyOf(cidr) === primary)) {
    log.warn({ clusterCidrs, family: primary }, 'clusterCIDR has no range of the primary family');
  }
}

function followNode(
  { options: { nodeName }, dependencies: { log }, nodes }: Context,
  health: ProxyHealth,
  proxies: readonly FamilyProxy[],
): void {
  health.setNodeEligible(nodes.current?.eligible ?? false);
  nodes.onChange((now, before) => {
    health.setNodeEligible(now?.eligible ?? false);
    if (now === undefined) {
      log.error({ node: nodeName }, 'the Node object is gone');
      return;
    }
    if (before !== undefined && before.ips.join() !== now.ips.join()) {
      log.warn({ from: before.ips, to: now.ips }, 'node addresses changed; restart to use them');
    }
    if (now.zone !== before?.zone) {
      for (const proxy of proxies) proxy.setTopology({ nodeName, zone: now.zone });
    }
  });
}

interface RunningFamilies {
  readonly proxies: readonly FamilyProxy[];
  readonly onProgrammed: (signal: AbortSignal) => Promise<void>;
}

async function runLoops(
  context: Context,
  { node, renderMetrics, health, events, problems, kernel }: Parts,
  { proxies, onProgrammed }: RunningFamilies,
  signal: AbortSignal,
): Promise<void> {
  const { config, nodeName, program, onStarted } = context.options;
  const { client, clock, random, log, http, metrics: counters } = context.dependencies;
  const hardFail = config.bindAddressHardFail;
  const sources: SourceOptions = {
    ...{ client, clock, random, log, counters, events, nodeName, problems },
    families: proxies,
  };
  const metrics = metricsHandler({
    ...{ mode: config.mode, configz: config.file, program, features: config.features },
    profiler: config.file.enableProfiling ? context.dependencies.profiler : undefined,
    verbosity: config.file.enableProfiling ? context.dependencies.verbosity : undefined,
    nowMs: () => clock.nowMs(),
    contentType: counters.contentType,
    renderMetrics,
  });
  onStarted?.(() => health.healthy);
  events.record({
    type: 'Normal',
    reason: 'Starting',
    action: 'StartKubeProxy',
    message: 'Starting kube-proxy',
    about: { kind: 'Node', name: nodeName },
  });
  await runScope(
    [
      ...proxies.map((proxy) => (scope: AbortSignal) => proxy.run(scope)),
      (scope) => watchServices(sources, scope),
      (scope) => watchSlices(sources, scope),
      ...(config.mode === 'nftables'
        ? [(scope: AbortSignal) => watchServiceCidrs(sources, scope)]
        : []),
      (scope) => watchPodCidrs(context, node, scope),
      (scope) => afterFirstSync({ proxies, onProgrammed }, scope),
      (scope) => kernel.run(scope),
      (scope) => events.run(client, scope),
      (scope) => {
        const address = config.healthzBindAddress;
        const failureReason = 'FailedToStartProxierHealthcheck';
        const handler = health.answer.bind(health);
        return serve(
          { http, address, handler, hardFail, clock, log, events, nodeName, failureReason },
          scope,
        );
      },
      (scope) => {
        const address = config.metricsBindAddress;
        const failureReason = 'FailedToStartMetricServer';
        const handler = metrics;
        return serve(
          { http, address, handler, hardFail, clock, log, events, nodeName, failureReason },
          scope,
        );
      },
    ],
    signal,
  );
}

/** Until all families have their rules, rules of an earlier mode are better than none. */
async function afterFirstSync(
  { proxies, onProgrammed }: RunningFamilies,
  signal: AbortSignal,
): Promise<void> {
  await Promise.all(proxies.map(({ programmed }) => programmed));
  if (!signal.aborted) await onProgrammed(signal);
}

/** Rules contain the pod range: a new range requires a restart. */
async function watchPodCidrs(
  { options: { config }, nodes }: Context,
  node: NodeInfo | undefined,
  signal: AbortSignal,
): Promise<void> {
  if (config.detectLocalMode !== 'NodeCIDR') return;
  const before = node?.podCidrs.join();
  const changed = ({ podCidrs }: NodeInfo): boolean => podCidrs.join() !== before;
  const now = await nodes.waitFor(changed, Number.POSITIVE_INFINITY, signal);
  if (now === undefined) return;
  const message = `the node's pod range changed from ${before} to ${now.podCidrs.join()}`;
  throw new ProxyError('PROXY_CONFIG_CHANGED', message);
}
