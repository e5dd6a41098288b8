import type { Logger, ScopeTask } from '@nodeagent/base';
import { createNoApiClient, type EventRecorder, QueuedEventRecorder } from '@nodeagent/kube-client';

import type { KubeletConfig } from '../../config/index.js';
import type { ConfiguredProviders } from '../../credentials/index.js';
import { meterCri, traceCri } from '../../runtime/run/index.js';
import { completeIdentity, type KubeletIdentity } from '../model/identity.js';
import { nodeConfig } from '../plan/node-config.js';
import { crashLoopRules } from '../plan/pod-rules.js';
import { checkCgroupVersion, checkEndpoints } from '../plan/usable-here.js';
import type { CriServices, KubeletAdapters, NodeApiConnection } from '../ports.js';
import { connectRuntime } from './connect-runtime.js';
import { openServer } from './node-server.js';
import { openPorts } from './open-ports.js';
import type { Parts } from './parts.js';
import { rotationTasks } from './rotations.js';
import { runKubelet } from './run-kubelet.js';

export interface Kubelet {
  /**
   * Runs the pods of this node until the signal fires. Containers run on after it: the next kubelet
   * takes them over untouched.
   *
   * @throws {ConfigError} with all that is wrong with the configuration on this machine, before
   *   anything is touched; later the first failure of a loop that cannot go on
   */
  run(signal: AbortSignal): Promise<void>;
}

/**
 * A kubelet of these settings on these adapters. Nothing happens before it is run.
 *
 * @param config as `parseKubeletConfig` yields it
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
      checkCgroupVersion(config, adapters.machine.cgroupVersion, whole.placeOf);
      const providers = await readProviders(config, adapters);
      const api = await adapters.openApi?.(signal);
      if (api === undefined) {
        adapters.log.warn({}, 'no --kubeconfig: only static pods run, others are ended');
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
  const { tracer } = adapters;
  const [runtime] = await Promise.all([connectRuntime(parts, signal), api?.check(signal)]);
  await adapters.adjustOomScore(config.oomScoreAdj);
  await makeDirectories(parts);
  const client = api?.client ?? createNoApiClient(STANDALONE);
  const { recorder, run: sendEvents } = openRecorder(parts, api);
  const { ports, stats, tasks } = await openPorts(
    { ...parts, client, recorder, runtime, providers },
    signal,
  );
  const server = await openServer(
    { ...parts, reviewer: api?.reviewer, stats: stats.handlers },
    signal,
  );
  const loops: ScopeTask[] = [
    ...(tracer ? [(inner: AbortSignal) => tracer.run(inner)] : []),
    sendEvents,
    ...tasks,
  ];
  if (api !== undefined) {
    const { ownNode } = ports;
    loops.push(...rotationTasks({ ...parts, client, api, ownNode, issued: server?.issued }));
  }
  await runKubelet(
    {
      ...ports,
      heartbeat: api?.heartbeat ?? client,
      tasks: loops,
      ...(server && { server: server.server }),
      ...(tracer && { tracer }),
    },
    {
      node: nodeConfig(config, identity),
      standalone: api === undefined,
      syncFrequencyMs: config.syncFrequencyMs,
      crashLoopRules: crashLoopRules(config),
    },
    signal,
  );
}

/** The container runtime as it is counted and traced. */
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
  const tokens = config.featureGates['KubeletServiceAccountTokenForCredentialProviders'] ?? true;
  return adapters.pullCredentials.readProviders({ tokens });
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
  const component = { component: 'kubelet', host: identity.nodeName };
  const queue = new QueuedEventRecorder({ ...component, clock, random, metrics });
  return { recorder: queue, run: (signal) => queue.run(api.client, signal) };
}

/** Where no API server takes events, the log does. */
function createLogRecorder(log: Logger): EventRecorder {
  return {
    record: ({ about: { kind, namespace, name }, type, reason, message }) => {
      const fields = { about: { kind, namespace, name }, reason, event: message };
      if (type === 'Warning') log.warn(fields, 'event');
      else log.info(fields, 'event');
    },
  };
}
