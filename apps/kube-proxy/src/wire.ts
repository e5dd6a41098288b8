import { writeFile } from 'node:fs/promises';
import { availableParallelism, hostname } from 'node:os';

import { type Logger, orAborted, runScope } from '@nodeagent/base';
import { createSystemClock } from '@nodeagent/base/system';
import { KUBERNETES_VERSION, tellServiceManager } from '@nodeagent/component-base';
import {
  adjustOomScore,
  collectWhenIdle,
  createProfiler,
  createPrometheusMetrics,
  type Logs,
  type PrometheusMetrics,
  takeServiceManager,
} from '@nodeagent/component-base/process';
import { createKubeClient, type HttpKubeClient } from '@nodeagent/kube-client/http';
import { loadInCluster, loadKubeconfig } from '@nodeagent/kube-client/kubeconfig';
import {
  cleanupEverything,
  cleanupOtherModes,
  type OpenNetlink,
  runProxy,
} from '@nodeagent/kube-proxy';
import {
  createForwardSockets,
  createHostInterfaces,
  createHttpListener,
  createProcSysctl,
  readIpvsTable,
} from '@nodeagent/kube-proxy/adapters';
import { createSpawnRunner } from '@nodeagent/netfilter/spawn';

import type { Options } from './options.js';
import { watchConfig } from './watch-config.js';

/** Writes the effective configuration as upstream does: YAML, all fields. */
export async function writeConfig({ config, writeConfigTo }: Options): Promise<void> {
  const { stringify } = await import('yaml');
  await writeFile(writeConfigTo, stringify(config.file));
}

/** Removes everything that any proxy left in the kernel. */
export function cleanUp(log: Logger, signal: AbortSignal): Promise<void> {
  const clock = createSystemClock();
  return cleanupEverything({ commands: createSpawnRunner(), log, clock, openNetlink }, signal);
}

/** Runs the proxy on this machine until the signal fires. */
export async function run(
  options: Options & { readonly configStamp: string },
  logs: Logs,
  signal: AbortSignal,
): Promise<void> {
  const { log, verbosity } = logs;
  const { config, configPath, configStamp, task } = options;
  const manager = takeServiceManager();
  const metrics = createPrometheusMetrics({ processVersion: KUBERNETES_VERSION });
  const client = await connect(options, { metrics, logs });
  const commands = createSpawnRunner();
  await adjustOomScore(config.oomScoreAdj, log);
  const clock = createSystemClock();
  const nodeName = options.nodeName ?? hostname().trim().toLowerCase();
  const initOnly = task === 'init-only';
  const started = Promise.withResolvers<() => boolean>();
  const onStarted = (isHealthy: () => boolean): void => {
    log.info({ node: nodeName, mode: config.mode }, 'proxy started');
    started.resolve(isHealthy);
  };
  const dependencies = {
    client,
    commands,
    log,
    verbosity,
    sysctl: createProcSysctl(),
    interfaces: createHostInterfaces(),
    http: createHttpListener({ clock, metrics }),
    profiler: createProfiler(),
    sockets: createForwardSockets(),
    openNetlink,
    readIpvsTable,
    clock,
    random: Math.random,
    metrics,
    cpuCount: availableParallelism(),
  };
  // rules of other modes serve until our own rules are in place
  const onProgrammed = (scope: AbortSignal): Promise<void> =>
    cleanupOtherModes({ commands, log, clock, openNetlink }, config.mode, scope);
  if (initOnly) await onProgrammed(signal);
  const program = {
    version: KUBERNETES_VERSION,
    runtimeVersion: process.version,
    flags: options.flags,
    startedAtMs: clock.nowMs() - process.uptime() * 1000,
  };
  const done = new AbortController();
  const proxy = async (scope: AbortSignal): Promise<void> => {
    const given = { config, nodeName, initOnly, program, onStarted, onProgrammed };
    await runProxy(given, dependencies, scope);
    done.abort();
  };
  const watchFile = async (scope: AbortSignal): Promise<void> => {
    if (configPath !== undefined) await watchConfig(configPath, configStamp, scope);
  };
  const tell = async (scope: AbortSignal): Promise<void> => {
    const isHealthy = await orAborted(started.promise, scope);
    const problem = () => (isHealthy() ? undefined : 'rules are overdue');
    await tellServiceManager({ manager, problem, clock, log }, scope);
  };
  try {
    const collect = (scope: AbortSignal): Promise<void> =>
      collectWhenIdle(dependencies.clock, scope);
    await runScope([proxy, watchFile, tell, collect], AbortSignal.any([signal, done.signal]));
  } finally {
    client.close();
  }
}

/** The modes that use it load it with its native part. */
const openNetlink: OpenNetlink = async (protocol) => {
  const { openNetlinkSocket, PROTOCOL } = await import('@nodeagent/netlink-codec/socket');
  return openNetlinkSocket({ protocol: PROTOCOL[protocol] });
};

/** From this verbosity on, requests to the API server are logged. */
const LOGS_REQUESTS = 6;

async function connect(
  { config, master }: Options,
  { metrics, logs }: Readonly<{ metrics: PrometheusMetrics; logs: Logs }>,
): Promise<HttpKubeClient> {
  const { kubeconfig, qps, burst } = config.clientConnection;
  const server = master === undefined ? {} : { server: master };
  const connection =
    kubeconfig === '' && master === undefined
      ? await loadInCluster()
      : await loadKubeconfig({ ...(kubeconfig === '' ? {} : { path: kubeconfig }), ...server });
  return createKubeClient(connection, {
    userAgent: `kube-proxy/${KUBERNETES_VERSION} (linux/${process.arch}) nodeagent`,
    rateLimit: { perSecond: qps, burst },
    metrics,
    log: logs.from(LOGS_REQUESTS).child({ logger: 'requests' }),
  });
}
