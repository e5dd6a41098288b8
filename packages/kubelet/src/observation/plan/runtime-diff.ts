import type { Container, Sandbox } from '@nodeagent/cri-client';

import { LABEL_POD_UID } from '../../pod/index.js';

/** The state of everything in the runtime, by id: the pod's uid and the name of the state. */
export type RuntimeSnapshot = ReadonlyMap<string, Readonly<{ uid: string; state: string }>>;

export function snapshotOf(
  sandboxes: readonly Sandbox[],
  containers: readonly Container[],
): RuntimeSnapshot {
  const snapshot = new Map<string, { uid: string; state: string }>();
  for (const { id, metadata, state } of sandboxes) {
    if (metadata !== undefined) snapshot.set(id, { uid: metadata.uid, state });
  }
  for (const { id, labels, state } of containers) {
    const uid = labels[LABEL_POD_UID];
    if (uid !== undefined) snapshot.set(id, { uid, state });
  }
  return snapshot;
}

/**
 * The pods of which anything was added, removed or changed its state; every pod without an earlier
 * snapshot.
 */
export function changedPods(
  before: RuntimeSnapshot | undefined,
  now: RuntimeSnapshot,
): ReadonlySet<string> {
  const changed = new Set<string>();
  for (const [id, { uid, state }] of now) {
    if (before?.get(id)?.state !== state) changed.add(uid);
  }
  for (const [id, { uid }] of before ?? []) if (!now.has(id)) changed.add(uid);
  return changed;
}

/** The states of one pod's objects, by id. */
export function statesOf(snapshot: RuntimeSnapshot, podUid: string): ReadonlyMap<string, string> {
  const states = new Map<string, string>();
  for (const [id, { uid, state }] of snapshot) if (uid === podUid) states.set(id, state);
  return states;
}

/** States of a pod's sandboxes and containers by id, as the runtime reported them. */
export interface ReportedStates {
  readonly states: ReadonlyMap<string, string>;
  /** The runtime has nothing else of the pod. */
  readonly areAll: boolean;
}

/**
 * `too-early`: the report contains an object that was not seen, while something is being created
 * for the pod. Its worker will observe what it created, which shows whether the object is that.
 */
export type StateComparison = 'same' | 'different' | 'too-early';

/** The last observation of a pod. */
export interface LastSeen {
  /** By id. */
  readonly states: ReadonlyMap<string, string>;
  /** Something is being created for the pod, or was created and has not been observed yet. */
  readonly isGrowing: boolean;
}

/**
 * Compares the runtime's report on a pod with the last observation.
 *
 * @param seen undefined if there is nothing to compare with
 */
export function compareStates(
  seen: LastSeen | undefined,
  reported: ReportedStates,
): StateComparison {
  if (seen === undefined) return 'different';
  const { states, isGrowing } = seen;
  let isMore = false;
  for (const [id, state] of reported.states) {
    const known = states.get(id);
    if (known === undefined) isMore = true;
    else if (known !== state) return 'different';
  }
  if (reported.areAll && [...states.keys()].some((id) => !reported.states.has(id)))
    return 'different';
  if (!isMore) return 'same';
  return isGrowing ? 'too-early' : 'different';
}
