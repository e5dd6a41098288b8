import {
  type Clock,
  type Logger,
  type Metrics,
  NO_METRICS,
  type Random,
  runScope,
  SILENT_LOGGER,
  Wake,
} from '@nodeagent/base';
import { createSystemClock, systemRandom } from '@nodeagent/base/system';
import type { CsiServices } from '@nodeagent/csi';
import {
  isKubeError,
  type KubeClient,
  type KubeObject,
  QueuedEventRecorder,
  runReflector,
} from '@nodeagent/kube-client';

import type { Task } from '../model/task.js';
import type { ViewName } from '../model/view.js';
import { planTasks } from '../plan/plan-tasks.js';
import { attach, detach } from './attach.js';
import { type Context, setFinalizer } from './context.js';
import { expand } from './expand.js';
import { deleteVolume, provision, takeClaim, type Uncertain } from './provision.js';
import { readDriver } from './read-driver.js';
import { Work } from './work.js';
import { WATCHED, World } from './world.js';

/** Limits of the controller, and the instance that it stands for. */
export interface CsiControllerOptions {
  /** The system's clocks when absent. */
  readonly clock?: Clock;
  /** `Math.random` when absent. */
  readonly random?: Random;
  /** Silent when absent. */
  readonly log?: Logger;
  /** Absent: no metrics. */
  readonly metrics?: Metrics;
  /**
   * Restricts the work to volumes of this node, where each node has a driver with a controller of its
   * own; without it there must be one controller for the whole cluster.
   */
  readonly nodeName?: string | undefined;
  /** Called once the driver has answered and the objects of the cluster are known. */
  readonly onReady?: ((driver: string) => void) | undefined;
}

/** As upstream's sidecars: the first repetition after a second, and none later than five minutes. */
const RETRY = { initialMs: 1000, maxMs: 300_000 };
const CONCURRENCY = 10;

/**
 * Does for one CSI driver what the cluster asks of it: makes volumes for claims and deletes them,
 * attaches them to nodes and detaches them, and expands them. Level-triggered: all state is in the
 * cluster's objects and in the driver, so it may be killed and started again at any time. Ends when
 * the signal fires.
 *
 * @example
 * ```typescript
 * import { createCsiClient } from '@nodeagent/csi/client';
 * import { runCsiController } from '@nodeagent/csi-controller';
 * import { createKubeClient } from '@nodeagent/kube-client/http';
 * import { loadKubeconfig } from '@nodeagent/kube-client/kubeconfig';
 *
 * const stop = new AbortController();
 * process.once('SIGTERM', () => stop.abort());
 * const client = createKubeClient(await loadKubeconfig({}));
 * const csi = createCsiClient({ socketPath: '/csi/csi.sock' });
 * await runCsiController(client, csi, {}, stop.signal);
 * ```
 */
export async function runCsiController(
  client: KubeClient,
  csi: Pick<CsiServices, 'identity' | 'controller' | 'node'>,
  options: CsiControllerOptions = {},
  signal: AbortSignal = new AbortController().signal,
): Promise<void> {
  const { clock = createSystemClock(), random = systemRandom, nodeName, onReady } = options;
  const { log = SILENT_LOGGER, metrics = NO_METRICS } = options;
  const driver = await readDriver(csi, { clock, log }, signal);
  if (driver === undefined) return;
  const events = new QueuedEventRecorder({
    ...{ component: `csi-controller ${driver.name}`, clock, random, metrics },
    ...(nodeName !== undefined && { host: nodeName }),
    onDrop: (note, err) => log.debug({ note, err }, 'event dropped'),
  });
  const world = new World(() => work.request());
  const context: Context = {
    ...{ client, controller: csi.controller, driver, world, events, clock, nodeName },
  };
  const uncertain: Uncertain = new Map();
  const work = new Work<Task>({
    clock,
    plan: () => planTasks(world.view, { driver, nodeName, uncertain }),
    perform: (task, inner) => perform(context, task, uncertain, inner),
    onError: (task, err, retryInMs) => {
      const isOld = isKubeError(err, 'KUBE_CONFLICT', 'KUBE_NOT_FOUND');
      const fields = { task: task.kind, about: task.key, err, retryInMs };
      if (isOld) log.debug(fields, 'saw an old state');
      else log.warn(fields, 'task failed');
    },
    retry: RETRY,
    concurrency: CONCURRENCY,
  });
  const synced = new Wake();
  const names = Object.keys(WATCHED) as ViewName[];
  let missing = names.length;
  const onSynced = (): void => {
    missing -= 1;
    if (missing === 0) synced.wake();
  };
  const reflectors = names.map((name) => (inner: AbortSignal) => {
    const reflector = {
      ...{ resource: WATCHED[name], project: projectionOf(name) },
      ...{ sink: world.stores[name], onSynced },
      ...{ clock, random, log, metrics },
      onError: (err: Error, retryInMs: number) =>
        log.warn({ resource: WATCHED[name].plural, err, retryInMs }, 'cannot watch'),
    };
    return runReflector(client, reflector, inner);
  });
  const control = async (inner: AbortSignal): Promise<void> => {
    if ((await synced.wait(inner)) === 'aborted') return;
    log.info({ driver: driver.name, node: nodeName }, 'serving the cluster');
    onReady?.(driver.name);
    await work.run(inner);
  };
  await runScope([...reflectors, (inner) => events.run(client, inner), control], signal);
}

async function perform(
  context: Context,
  task: Task,
  uncertain: Uncertain,
  signal: AbortSignal,
): Promise<void> {
  switch (task.kind) {
    case 'provision':
      return provision(context, task, uncertain, signal);
    case 'take-claim':
      return takeClaim(context, task, signal);
    case 'delete':
      return deleteVolume(context, task.volume, signal);
    case 'finalizer':
      await setFinalizer(context, task.volume, task, signal);
      return;
    case 'attach':
      return attach(context, task.attachment, signal);
    case 'detach':
      return detach(context, task.attachment, signal);
    case 'expand':
      return expand(context, task, signal);
  }
}

/** Drops managed fields, which are large, and of nodes everything but their labels. */
function projectionOf(name: ViewName): (object: KubeObject) => KubeObject {
  return ({ metadata = {}, ...object }) => {
    const kept = { ...metadata };
    delete kept.managedFields;
    return name === 'nodes' ? { metadata: kept } : { ...object, metadata: kept };
  };
}
