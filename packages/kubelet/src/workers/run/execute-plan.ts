import type { Logger } from '@nodeagent/base';
import type { Pod } from '@nodeagent/kube-client';

import {
  isStartError,
  messageOf,
  type PodAction,
  type PodEvents,
  type PodObservation,
  type PodPlan,
  type PodRuntime,
} from '../../pod/index.js';
import type { Gate } from './gate.js';
import { isRemoval, type Removal, tryRemoval } from './removal.js';
import type { StartMemory } from './start-memory.js';
import { stopPod } from './stop-pod.js';

export interface ExecuteContext {
  readonly pod: Pod;
  /** The observation that the plan is based on. */
  readonly seen: PodObservation;
  readonly runtime: PodRuntime;
  readonly events: PodEvents;
  readonly sandboxGate: Gate;
  readonly log: Logger;
  /** Log level of a failed removal; `warn` if absent. */
  readonly failureLevel?: 'info' | 'warn';
  readonly memory: Pick<StartMemory, 'noteStart' | 'noteOutcome' | 'noteRemoval'>;
  /** Called when a resize of running containers failed; they keep their current resources. */
  readonly onResizeFailed?: (message: string) => void;
}

type Start = Extract<PodAction, { kind: 'start-container' }>;
type Resize = Extract<PodAction, { kind: 'resize-pod' }>;

/**
 * Executes a plan in order, until it has created a sandbox: later steps depend on the sandbox's
 * addresses, so they are planned again from a new observation.
 *
 * A container that fails to start or to resize does not prevent the others from starting, except an
 * init container: after its failure nothing is started.
 *
 * A failed removal does not prevent the other removals, but nothing else is done after it.
 *
 * @returns the failures that need a retry
 * @throws the error that made it impossible to continue
 */
export async function executePlan(
  plan: PodPlan,
  context: ExecuteContext,
  signal: AbortSignal,
): Promise<readonly Error[]> {
  const failures: Error[] = [];
  let unremoved: Error | undefined;
  for (const action of plan) {
    signal.throwIfAborted();
    if (isRemoval(action)) {
      const failure = await tryRemoval(action, context, signal);
      unremoved ??= failure;
      if (failure === undefined) context.memory.noteRemoval(context.seen, action.id);
      continue;
    }
    if (unremoved !== undefined) throw unremoved;
    if (action.kind === 'start-container') {
      const failure = await start(action, context, signal);
      if (failure === undefined) continue;
      failures.push(failure);
      if (action.role === 'init') break;
    } else if (action.kind === 'resize-pod') {
      const failure = await resize(action, context, signal);
      if (failure !== undefined) failures.push(failure);
    } else {
      await perform(action, context, signal);
      if (action.kind !== 'hold-container') {
        context.log.debug({ action: action.kind, why: action.why }, 'pod action done');
      }
      if (action.kind === 'create-sandbox') break;
    }
  }
  if (unremoved !== undefined) throw unremoved;
  return failures;
}

async function perform(
  action: Exclude<PodAction, Start | Resize | Removal>,
  context: ExecuteContext,
  signal: AbortSignal,
): Promise<void> {
  const { pod, seen, runtime } = context;
  switch (action.kind) {
    case 'stop-pod':
      return stopPod({ pod, seen, graceSeconds: action.graceSeconds }, runtime, signal);
    case 'stop-container': {
      const { id, name, graceSeconds, preStop, why } = action;
      return runtime.stopContainer(
        { containerId: id, name, pod, graceSeconds, preStop, why },
        signal,
      );
    }
    case 'create-sandbox':
      return createSandbox(action.attempt, context, signal);
    case 'hold-container':
      return undefined;
  }
}

async function resize(
  { kind, memory, cpu, why }: Resize,
  { pod, seen, runtime, log, onResizeFailed }: ExecuteContext,
  signal: AbortSignal,
): Promise<Error | undefined> {
  const sandboxId = seen.sandboxes[0]?.id;
  if (sandboxId === undefined) throw new Error('no sandbox to resize');
  try {
    await runtime.resizePod({ pod, sandboxId, memory, cpu }, signal);
    log.debug({ action: kind, why }, 'pod action done');
    return undefined;
  } catch (error) {
    if (signal.aborted) throw error;
    log.warn({ action: kind, err: error }, 'pod not resized');
    onResizeFailed?.(messageOf(error));
    return error instanceof Error ? error : new Error(String(error));
  }
}

async function createSandbox(
  attempt: number,
  { pod, runtime, events, sandboxGate }: ExecuteContext,
  signal: AbortSignal,
): Promise<void> {
  if (attempt > 0) {
    const message = 'Pod sandbox changed, it will be killed and re-created.';
    events.normal(pod, 'SandboxChanged', message);
  }
  try {
    await sandboxGate.through(() => runtime.createSandbox(pod, attempt, signal), signal);
  } catch (error) {
    if (signal.aborted) throw error;
    if (isStartError(error) && error.reason === 'FailedCreatePodContainer') {
      events.warning(pod, error.reason, error.message);
    } else {
      const message = `Failed to create pod sandbox: ${messageOf(error)}`;
      events.warning(pod, 'FailedCreatePodSandBox', message);
    }
    throw error;
  }
}

/** @returns the failure, which the runtime has already reported to the user */
async function start(
  action: Start,
  context: ExecuteContext,
  signal: AbortSignal,
): Promise<Error | undefined> {
  const { pod, seen, runtime, log, memory } = context;
  const { name, role, restartCount, why } = action;
  const sandboxId = seen.sandboxes[0]?.id;
  if (sandboxId === undefined) throw new Error(`no sandbox to start container ${name} in`);
  memory.noteStart(pod, seen, name);
  try {
    const request = { pod, sandboxId, podIps: seen.podIps, name, role, restartCount };
    await runtime.startContainer(request, signal);
    memory.noteOutcome(name, undefined);
    log.debug({ action: action.kind, container: name, why }, 'pod action done');
    return undefined;
  } catch (error) {
    if (signal.aborted) throw error;
    const reason = isStartError(error) ? error.reason : 'RunContainerError';
    memory.noteOutcome(name, { reason, message: messageOf(error) });
    log.warn({ action: action.kind, container: name, reason, err: error }, 'container not started');
    return error instanceof Error ? error : new Error(String(error));
  }
}
