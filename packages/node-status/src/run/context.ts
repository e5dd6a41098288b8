import type { Clock, Logger, Random } from '@nodeagent/base';
import { isAborted, Wake } from '@nodeagent/base';
import type { KubeClient, Node } from '@nodeagent/kube-client';

import type { NodeConfig } from '../model/config.js';
import type { MachineFacts, NetworkFacts } from '../model/facts.js';
import { type ImageFact, NO_PROBLEMS, type RuntimeVersion } from '../model/facts.js';
import type { NodeEvent, NodeFacts, Now } from '../plan/node-status.js';
import { type RuntimeHealth, UNKNOWN_HEALTH } from '../plan/runtime-health.js';
import type { FactSource, NodeEvents, NodeInputs } from '../ports.js';

/**
 * A step of a node's start: before the first attempt to register it, after its Node was created,
 * and when the API has seen it ready.
 */
export type NodeStage = 'registering' | 'created' | 'ready';

/** Ports of {@link runNodeStatus}, and callbacks for its steps. */
export interface NodeStatusOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  /** Preferably without a rate limit: a heartbeat must not queue behind other requests. */
  readonly client: KubeClient;
  readonly facts: FactSource;
  readonly inputs: NodeInputs;
  readonly config: NodeConfig;
  readonly events?: NodeEvents;
  /** Waking it requests a report now, e.g. because pressure has changed. */
  readonly wake?: Wake;
  /** Called with the measured node, before the API has it. */
  readonly onMeasured?: (node: Node) => void;
  /** Called on each step of a new node's start, once. */
  readonly onStage?: (stage: NodeStage) => void;
  /** Called after each answer of the runtime. */
  readonly onRuntimeHealth?: (health: RuntimeHealth) => void;
}

/** State shared by the loops. */
export interface Context {
  readonly options: NodeStatusOptions;
  readonly wake: Wake;
  machine: MachineFacts;
  /** Undefined before the first measurement. */
  network: NetworkFacts | undefined;
  health: RuntimeHealth;
  runtimeVersion: RuntimeVersion | undefined;
  images: readonly ImageFact[];
  /** True when the API has seen the node ready since this process began. */
  reportedReady: boolean;
}

export function newContext(options: NodeStatusOptions, machine: MachineFacts): Context {
  return {
    options,
    wake: options.wake ?? new Wake(),
    machine,
    network: undefined,
    health: UNKNOWN_HEALTH,
    runtimeVersion: undefined,
    images: [],
    reportedReady: false,
  };
}

/** Reports events; call it once their changes have been written. */
export function tellEvents(
  { options: { events: teller } }: Context,
  events: readonly NodeEvent[],
): void {
  for (const { type, reason, message } of events) {
    if (type === 'Normal') teller?.normal(reason, message);
    else teller?.warning(reason, message);
  }
}

export function nowOf({ options: { clock } }: Context): Now {
  return { wallMs: clock.nowMs(), monotonicMs: clock.monotonicMs() };
}

const NO_PRESSURE = { memory: false, disk: false, pid: false };

/**
 * Measures everything. The previous figures of the machine or of its network stay in use when they
 * cannot be measured, e.g. because the process may not open any file.
 *
 * @throws what the network's first measurement throws
 */
export async function gatherFacts(context: Context, signal: AbortSignal): Promise<NodeFacts> {
  const { facts, inputs, log } = context.options;
  try {
    context.machine = await facts.machine();
  } catch (error) {
    log.warn({ err: error }, 'cannot measure the machine; its last figures stay in use');
  }
  return {
    machine: context.machine,
    network: await networkFacts(context, signal),
    health: context.health,
    runtimeVersion: context.runtimeVersion,
    images: context.images,
    pressure: inputs.pressure?.() ?? NO_PRESSURE,
    problems: inputs.problems?.() ?? NO_PROBLEMS,
    volumesInUse: inputs.volumesInUse?.(),
    devices: inputs.devices?.(),
  };
}

async function networkFacts(context: Context, signal: AbortSignal): Promise<NetworkFacts> {
  const { facts, config, log } = context.options;
  const explicit = config.nodeIps.some((ip) => ip !== '::' && ip !== '0.0.0.0');
  try {
    context.network = await facts.network(explicit ? undefined : config.nodeName, signal);
  } catch (error) {
    if (isAborted(signal) || context.network === undefined) throw error;
    log.warn({ err: error }, 'cannot measure the network; its last figures stay in use');
  }
  return context.network;
}

/**
 * Makes one API call that may not take longer than a heartbeat.
 *
 * @throws what the call throws; its signal's reason after the deadline
 */
export async function withDeadline<T>(
  context: Context,
  call: (signal: AbortSignal) => Promise<T>,
  signal: AbortSignal,
): Promise<T> {
  const { clock, config } = context.options;
  const limitMs = Math.min(config.updateEveryMs, config.leaseDurationSeconds * 1000);
  const inner = new AbortController();
  const forward = (): void => inner.abort(signal.reason);
  signal.throwIfAborted();
  signal.addEventListener('abort', forward, { once: true });
  const alarm = clock.sleep(limitMs, inner.signal).then((how) => {
    if (how === 'elapsed') inner.abort(new Error(`no answer within ${limitMs} ms`));
  });
  try {
    return await call(inner.signal);
  } finally {
    signal.removeEventListener('abort', forward);
    inner.abort();
    await alarm;
  }
}
