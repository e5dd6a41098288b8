import type { Logger, ScopeTask } from '@nodeagent/base';
import { recordFeatures } from '@nodeagent/component-base';
import { createNoApiClient, type EventRecorder, QueuedEventRecorder } from '@nodeagent/kube-client';

import type { KubeletConfig } from '../../config/index.js';
import type { ConfiguredProviders } from '../../credentials/index.js';
import { prepareKernel, recordNodeName, warnOfCheckpoints } from '../../node/run/index.js';
import { meterCri, traceCri } from '../../runtime/run/index.js';
import { completeIdentity, type KubeletIdentity } from '../model/identity.js';
import { gatedParts } from '../plan/gated-parts.js';
import { nodeConfig } from '../plan/node-config.js';
import { crashLoopRules, kernelRules } from '../plan/pod-rules.js';
import { checkEndpoints, checkMachine } from '../plan/usable-here.js';
import type { CriServices, KubeletAdapters, NodeApiConnection } from '../ports.js';
import { connectRuntime } from './connect-runtime.js';
import { openServer } from './node-server.js';
import { openPorts } from './open-ports.js';
import type { Parts } from './parts.js';
import { rotationTasks } from './rotations.js';
import { runKubelet } from './run-kubelet.js';

/** A kubelet that has not started yet. */
export interface Kubelet {
  /**
   * Runs the pods of this node until the signal fires. Containers keep running afterwards; the next
   * kubelet takes them over without restarting them.
   *
   * @throws {ConfigError} with every configuration problem on this machine, before anything is
   *   changed; later, the first error of a loop that cannot continue
   */
  run(signal: AbortSignal): Promise<void>;
}

/**
 * Creates a kubelet with this configuration on these adapters. Nothing happens until it runs.
 *
 * @param config as returned by `parseKubeletConfig`
 */
export function createKubelet(
  config: KubeletConfig,
  identity: KubeletIdentity,
  adapters: KubeletAdapters,
): Kubelet {
  const whole = completeIdentity(identity);
  return {
    run: async (signal) => {
      checkEndpoints(config, whole.placeOf);
      checkMachine(config, adapters.machine, whole.placeOf);
      const providers = await readProviders(config, adapters);
      const api = await adapters.openApi?.(signal);
      if (api === undefined) {
        adapters.log.warn(
          {},
          'no --kubeconfig: the kubelet runs static pods only and ends all others',
        );
      }
      const cri = observed(adapters);
      try {
        await runWith({ config, identity: whole, adapters, cri }, { api, providers }, signal);
      } finally {
        cri.close();
        api?.close();
      }
    },
  };
}

const STANDALONE = 'there is no API server: the kubelet was started without --kubeconfig';

interface Opened {
  readonly api: NodeApiConnection | undefined;
  readonly providers: ConfiguredProviders | undefined;
}

async function runWith(
  parts: Parts,
  { api, providers }: Opened,
  signal: AbortSignal,
): Promise<void> {
  const { config, identity, adapters } = parts;
  const { metrics, tracer } = adapters;
  recordFeatures(metrics, config.features);
  recordNodeName(metrics, identity.nodeName);
  const startedAtMs = adapters.clock.nowMs();
  const [runtime] = await Promise.all([connectRuntime(parts, signal), api?.check(signal)]);
  await Promise.all([
    adapters.adjustOomScore(config.oomScoreAdj),
    adapters.limitOpenFiles(config.maxOpenFiles),
  ]);
  const [bootedAtMs] = await Promise.all([
    adapters.readings.machine.bootTimeMs(),
    makeDirectories(parts),
    setUpKernel(parts),
    warnOfCheckpoints({ checkpoints: adapters.files.checkpoints, log: adapters.log }),
  ]);
  const began = { bootedAtMs, startedAtMs };
  const client = api?.client ?? createNoApiClient(STANDALONE);
  const { recorder, run: sendEvents } = openRecorder(parts, api);
  const heartbeat = api?.heartbeat ?? client;
  const opened = { client, heartbeat, recorder, runtime, providers, began };
  const { ports, stats, tasks } = await openPorts(parts, opened, signal);
  const callers = { reviewer: api?.reviewer, stats: stats.handlers };
  const server = await openServer(parts, callers, signal);
  const loops: ScopeTask[] = [
    ...(tracer ? [(inner: AbortSignal) => tracer.run(inner)] : []),
    sendEvents,
    ...tasks,
  ];
  if (api !== undefined) {
    const { ownNode } = ports;
    loops.push(...rotationTasks(parts, { client, api, ownNode, issued: server?.issued }));
  }
  const settings = {
    node: nodeConfig(config, identity),
    standalone: api === undefined,
    syncFrequencyMs: config.syncFrequencyMs,
    podCidr: config.podCIDR,
    crashLoopRules: crashLoopRules(config),
  };
  await runKubelet({ ports, settings, tasks: loops, server: server?.server }, signal);
}

/** The container runtime, with metrics and traces of its calls. */
function observed(adapters: KubeletAdapters): CriServices {
  const { clock, metrics, tracer } = adapters;
  const cri = adapters.openRuntime();
  const metered = meterCri(cri, { clock, metrics });
  const { runtime, images } = tracer === undefined ? metered : traceCri(metered, tracer);
  return { runtime, images, close: () => cri.close() };
}

/** @throws {ConfigError} */
function readProviders(
  config: KubeletConfig,
  adapters: KubeletAdapters,
): Promise<ConfiguredProviders | undefined> {
  return adapters.pullCredentials.readProviders({ tokens: gatedParts(config).providerTokens });
}

/** @throws {KernelSettingError} */
function setUpKernel({ config, adapters }: Parts): Promise<void> {
  const { kernelSettings: settings, log } = adapters;
  return prepareKernel({ ...kernelRules(config), settings, log });
}

async function makeDirectories({ config, identity, adapters }: Parts): Promise<void> {
  for (const name of ['', 'pods', 'plugins', 'plugins_registry', 'pod-resources', 'checkpoints']) {
    await adapters.files.makeDirectory(`${identity.rootDir}/${name}`);
  }
  await adapters.files.makeDirectory(config.podLogsDir);
}

interface RunningRecorder {
  readonly recorder: EventRecorder;
  readonly run: ScopeTask;
}

function openRecorder(
  { identity, adapters }: Parts,
  api: NodeApiConnection | undefined,
): RunningRecorder {
  const { clock, random, metrics, log } = adapters;
  if (api === undefined) return { recorder: createLogRecorder(log), run: async () => undefined };
  const host = identity.nodeName;
  const queue = new QueuedEventRecorder({ component: 'kubelet', host, clock, random, metrics });
  return { recorder: queue, run: (signal) => queue.run(api.events ?? api.client, signal) };
}

/** Writes events to the log, for a kubelet without an API server. */
function createLogRecorder(log: Logger): EventRecorder {
  return {
    record: ({ about: { kind, namespace, name }, type, reason, message }) => {
      const fields = { about: { kind, namespace, name }, reason, event: message };
      if (type === 'Warning') log.warn(fields, 'event');
      else log.info(fields, 'event');
    },
  };
}
