import type { Clock, Logger } from '@nodeagent/base';
import { containerId, isCriError, type RuntimeService } from '@nodeagent/cri-client';

import {
  ANNOTATION_PRE_STOP,
  findContainer,
  type PodEvents,
  podName,
  podNamespace,
  podUid,
  type StopContainerRequest,
} from '../../pod/index.js';
import { parseHandler } from '../plan/stored-handler.js';
import type { HookCaller } from '../ports.js';
import { type Handler, runHook } from './hooks.js';
import type { RuntimeMeter } from './runtime-metrics.js';

export interface StopperPorts {
  readonly cri: RuntimeService;
  readonly events: PodEvents;
  readonly call: HookCaller;
  /** Without it, nothing is counted. */
  readonly meter?: RuntimeMeter | undefined;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Minimum grace period, so that the runtime can deliver the signal. */
const LEAST_GRACE_S = 2;
/**
 * Time that a preStop hook may run after its container has ended; its failure is still reported.
 */
const HOOK_END_MS = 2000;

/**
 * Runs the preStop hook, waits for a sidecar's turn, and sends the stop signal, all within one
 * grace period. A longer hook continues while the container stops, and fails when the container
 * ends.
 *
 * @see Kubernetes 1.36 pkg/kubelet/kuberuntime/kuberuntime_container.go, killContainer
 */
export async function stopContainer(
  request: StopContainerRequest,
  ports: StopperPorts,
  signal: AbortSignal,
): Promise<void> {
  const { pod, name, graceSeconds, why, turn } = request;
  const { cri, events, clock } = ports;
  if (pod !== undefined) events.normal(pod, 'Killing', why, name);
  const startedMs = clock.monotonicMs();
  const leftMs = (): number => graceSeconds * 1000 - (clock.monotonicMs() - startedMs);
  const end = new AbortController();
  const hookSignal = AbortSignal.any([signal, end.signal]);
  const runsHook = request.preStop && graceSeconds > 0;
  const hook = runsHook ? preStop(request, ports, hookSignal) : Promise.resolve();
  try {
    await withinMs(leftMs(), clock, hook, signal);
    if (turn !== undefined) await withinMs(leftMs(), clock, turn, signal);
    signal.throwIfAborted();
    const graceLeftS = Math.max(LEAST_GRACE_S, Math.floor(leftMs() / 1000));
    await cri.stopContainer(containerId(request.containerId), graceLeftS * 1000, signal);
    await withinMs(HOOK_END_MS, clock, hook, signal);
  } finally {
    end.abort(new Error('its container is stopped'));
    await hook;
  }
}

/** Waits at most `ms` milliseconds for the work, which continues afterwards. */
async function withinMs(
  ms: number,
  clock: Clock,
  work: Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  if (ms <= 0) return;
  const limit = new AbortController();
  const timer = clock.sleep(ms, AbortSignal.any([signal, limit.signal]));
  try {
    await Promise.race([work, timer]);
  } finally {
    limit.abort(new Error('done'));
    await timer;
  }
}

/** Never rejects: a failed hook does not keep a container alive. */
async function preStop(
  request: StopContainerRequest,
  ports: StopperPorts,
  signal: AbortSignal,
): Promise<void> {
  const { pod, name, graceSeconds } = request;
  const { cri, call, clock, events, log, meter } = ports;
  try {
    const known = pod === undefined ? undefined : findContainer(pod, name)?.spec;
    const handler =
      known === undefined ? await storedHandler(request, cri, signal) : known.lifecycle?.preStop;
    if (handler === undefined) return;
    const { sleep } = handler;
    const bounded = sleep && { sleep: { seconds: Math.min(sleep.seconds, graceSeconds) } };
    const podIp = handler.httpGet === undefined ? undefined : await podIpOf(request, cri, signal);
    const target = { containerId: request.containerId, container: known, podIp };
    const onFallback = (text: string): void => {
      if (pod !== undefined) events.warning(pod, 'LifecycleHTTPFallback', text);
    };
    // A sleep cannot fail: it ends with the grace period.
    const hookPorts = { cri, call, clock, signal, meter, onFallback };
    await runHook({ ...handler, ...bounded }, target, hookPorts);
  } catch (err) {
    if (signal.aborted) return;
    // A container of an unknown pod can only be identified by its id.
    const where =
      pod === undefined
        ? { containerId: request.containerId }
        : { pod: { namespace: podNamespace(pod), name: podName(pod), uid: podUid(pod) } };
    log.warn({ ...where, container: name, err }, 'preStop hook failed');
    if (pod !== undefined) events.warning(pod, 'FailedPreStopHook', 'PreStopHook failed', name);
  }
}

/** The handler that was recorded when the container was created. */
async function storedHandler(
  { containerId: id }: StopContainerRequest,
  cri: RuntimeService,
  signal: AbortSignal,
): Promise<Handler | undefined> {
  try {
    const { annotations } = await cri.containerStatus(containerId(id), signal);
    return parseHandler(annotations[ANNOTATION_PRE_STOP]);
  } catch (error) {
    if (isCriError(error, 'CRI_NOT_FOUND')) return undefined;
    throw error;
  }
}

async function podIpOf(
  { containerId: id }: StopContainerRequest,
  cri: RuntimeService,
  signal: AbortSignal,
): Promise<string | undefined> {
  const [container] = await cri.listContainers({ id: containerId(id) }, signal);
  if (container === undefined) return undefined;
  return (await cri.podSandboxStatus(container.sandboxId, signal)).ips[0];
}
