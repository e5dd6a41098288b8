import type { Clock, Logger } from '@nodeagent/base';
import { containerId, isCriError, type RuntimeService } from '@nodeagent/cri-client';

import { findContainer, type PodEvents, type StopContainerRequest } from '../../pods/index.js';
import { ANNOTATION_PRE_STOP } from '../model/labels.js';
import { parseHandler } from '../plan/stored-handler.js';
import type { HookCaller } from '../ports.js';
import { type Handler, runHook } from './hooks.js';

export interface StopperPorts {
  readonly cri: RuntimeService;
  readonly events: PodEvents;
  readonly call: HookCaller;
  readonly clock: Clock;
  readonly log: Logger;
}

/** However short the grace period: time for the runtime to deliver the signal. */
const LEAST_GRACE_S = 2;

/**
 * preStop hook, a sidecar's turn, stop signal: all within one grace period.
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
  if (request.preStop && graceSeconds > 0) {
    await withinMs(leftMs(), clock, (inner) => preStop(request, ports, inner), signal);
  }
  if (turn !== undefined) await withinMs(leftMs(), clock, () => turn, signal);
  signal.throwIfAborted();
  const graceLeftS = Math.max(LEAST_GRACE_S, Math.floor(leftMs() / 1000));
  await cri.stopContainer(containerId(request.containerId), graceLeftS * 1000, signal);
}

/** Waits for the work, but not longer than so many milliseconds. */
async function withinMs(
  ms: number,
  clock: Clock,
  work: (signal: AbortSignal) => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  if (ms <= 0) return;
  const limit = new AbortController();
  const inner = AbortSignal.any([signal, limit.signal]);
  const timer = clock.sleep(ms, inner);
  await Promise.race([work(inner), timer]);
  limit.abort(new Error('done'));
  await timer;
}

/** Never rejects: a failed hook does not keep a container alive. */
async function preStop(
  request: StopContainerRequest,
  ports: StopperPorts,
  signal: AbortSignal,
): Promise<void> {
  const { pod, name } = request;
  const { cri, events, log } = ports;
  try {
    const known = pod === undefined ? undefined : findContainer(pod, name)?.spec;
    const handler =
      known === undefined ? await storedHandler(request, cri, signal) : known.lifecycle?.preStop;
    if (handler === undefined) return;
    const podIp = handler.httpGet === undefined ? undefined : await podIpOf(request, cri, signal);
    const target = { containerId: request.containerId, container: known, podIp };
    const onFallback = (text: string): void => {
      if (pod !== undefined) events.warning(pod, 'LifecycleHTTPFallback', text);
    };
    await runHook(handler, target, { ...ports, signal, onFallback });
  } catch (err) {
    if (signal.aborted) return;
    log.warn({ container: name, err }, 'preStop hook failed');
    if (pod !== undefined) events.warning(pod, 'FailedPreStopHook', 'PreStopHook failed', name);
  }
}

/** As it was written down when the container was made. */
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
