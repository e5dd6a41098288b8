import { type Clock, formatTimestamp } from '@nodeagent/base';
import {
  type EventRecorder,
  isKubeError,
  type KubeClient,
  type KubeObject,
  objectKey,
  PODS,
  type Resource,
} from '@nodeagent/kube-client';

import type { Action, Guard } from '../model/action.js';
import { usesClaim } from '../plan/storage/claims.js';
import type { Cluster } from './cluster.js';
import { emptyNamespace } from './empty-namespace.js';
import type { OwnedObjects } from './owned-objects.js';
import type { ToldEvents } from './told-events.js';

export interface Executor {
  readonly client: KubeClient;
  readonly cluster: Cluster;
  readonly owned: OwnedObjects;
  readonly clock: Clock;
  readonly events: EventRecorder;
  readonly told: ToldEvents;
}

/** Maximum number of similar writes in parallel. */
const PARALLEL = 16;

/**
 * Carries out a plan in its order; consecutive creations, deletions or bindings run in parallel.
 *
 * @returns the failures, after everything was tried; deleting an object that is gone does not fail
 */
export async function execute(
  actions: readonly Action[],
  executor: Executor,
  signal: AbortSignal,
): Promise<readonly Readonly<{ action: Action; error: unknown }>[]> {
  const failures: { readonly action: Action; readonly error: unknown }[] = [];
  for (const batch of batches(actions)) {
    signal.throwIfAborted();
    const attempts = batch.map(async (action) => {
      try {
        if (action.kind === 'note') {
          executor.told.tell(action);
          return;
        }
        const name = await perform(action, executor, signal);
        if (name !== undefined) record(action, executor.events, name);
      } catch (error) {
        if (isKubeError(error, 'KUBE_NOT_FOUND') && isRemoval(action)) return;
        failures.push({ action, error });
      }
    });
    await Promise.all(attempts);
  }
  return failures;
}

function batches(actions: readonly Action[]): readonly (readonly Action[])[] {
  const result: Action[][] = [];
  for (const action of actions) {
    const last = result.at(-1);
    const parallel = action.kind === 'create' || action.kind === 'bind' || action.kind === 'delete';
    const joins = parallel && last?.[0]?.kind === action.kind && last.length < PARALLEL;
    if (joins) last.push(action);
    else result.push([action]);
  }
  return result;
}

function isRemoval({ kind }: Action): boolean {
  return kind === 'delete' || kind === 'collect' || kind === 'empty-namespace';
}

function record({ event }: Action, events: EventRecorder, name: string): void {
  if (event !== undefined)
    events.record({ ...event, message: event.message.replace('$name', name) });
}

/** @returns the name of the written object; undefined when a guard prevented the write */
async function perform(
  action: Exclude<Action, { kind: 'note' }>,
  executor: Executor,
  signal: AbortSignal,
): Promise<string | undefined> {
  const { client, cluster } = executor;
  switch (action.kind) {
    case 'create': {
      const created = await client.create(action.resource, action.object, signal);
      return learn(cluster, action.resource, created);
    }
    case 'replace': {
      const replaced = await client.replace(action.resource, action.object, {}, signal);
      return learn(cluster, action.resource, replaced);
    }
    case 'patch': {
      const { type, body, subresource, guard } = action;
      if (guard !== undefined && !(await holds(guard, client, signal))) return undefined;
      const patch = { type, body, ...(subresource === undefined ? {} : { subresource }) };
      const patched = await client.patch(action.resource, action.name, patch, signal);
      return learn(cluster, action.resource, patched);
    }
    case 'delete':
      await client.delete(action.resource, action.name, action.options, signal);
      markDeleted(action, executor);
      return action.name.name;
    case 'bind':
      return bind(action, executor, signal);
    case 'collect':
      return collect(action, executor, signal);
    case 'empty-namespace':
      await emptyNamespace({ client, kinds: executor.owned.resources }, action.namespace, signal);
      return action.namespace;
  }
}

async function holds(guard: Guard, client: KubeClient, signal: AbortSignal): Promise<boolean> {
  if (guard.kind === 'claim-unused') {
    const { namespace = '' } = guard.claim.metadata ?? {};
    const { items } = await client.list(PODS, { namespace }, signal);
    return !items.some((pod) => usesClaim(pod, guard.claim));
  }
  try {
    const found = await client.get(guard.resource, guard.name, signal);
    return found.metadata?.uid !== guard.uid;
  } catch (error) {
    if (isKubeError(error, 'KUBE_NOT_FOUND')) return true;
    throw error;
  }
}

function learn(cluster: Cluster, resource: Resource<KubeObject>, object: KubeObject): string {
  cluster.learn(resource, object);
  return object.metadata?.name ?? '';
}

function markDeleted(
  { resource, name }: Pick<Extract<Action, { kind: 'delete' }>, 'resource' | 'name'>,
  { cluster, clock }: Executor,
): void {
  const deletionTimestamp = formatTimestamp(clock.nowMs());
  cluster.amend(resource, objectKey({ metadata: name }), (object) => ({
    ...object,
    metadata: { ...object.metadata, deletionTimestamp },
  }));
}

async function bind(
  { pod, uid, node }: Extract<Action, { kind: 'bind' }>,
  { client, cluster }: Executor,
  signal: AbortSignal,
): Promise<string> {
  const target = { resource: PODS, name: pod, subresource: 'binding' };
  const body = {
    apiVersion: 'v1',
    kind: 'Binding',
    metadata: { ...pod, uid },
    target: { apiVersion: 'v1', kind: 'Node', name: node },
  };
  await client.createSubresource(target, body, signal);
  cluster.amend(PODS, objectKey({ metadata: pod }), (object) => {
    const { spec } = object as { spec?: object };
    return { ...object, spec: { ...spec, nodeName: node } } as KubeObject;
  });
  return pod.name;
}

async function collect(
  action: Extract<Action, { kind: 'collect' }>,
  executor: Executor,
  signal: AbortSignal,
): Promise<string> {
  const { resource, name, uid, owners, gracePeriodSeconds } = action;
  for (const { resource: kind, reference } of owners) {
    const namespace = kind.namespaced ? name.namespace : undefined;
    const at = { name: reference.name, ...(namespace === undefined ? {} : { namespace }) };
    try {
      const owner = await executor.client.get(kind, at, signal);
      if (reference.uid === '' || owner.metadata?.uid === reference.uid) return name.name;
    } catch (error) {
      if (!isKubeError(error, 'KUBE_NOT_FOUND')) throw error;
    }
  }
  const options = { uid, ...(gracePeriodSeconds === undefined ? {} : { gracePeriodSeconds }) };
  await executor.client.delete(resource, name, options, signal);
  markDeleted(action, executor);
  return name.name;
}
