import type { Container, Sandbox } from '@nodeagent/cri-client';

import { LABEL_POD_UID } from '../../pod/index.js';

/** State of everything the runtime holds, by id: `uid` of the pod and the state's name. */
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

/** Pods of which anything came, went or changed its state; all of them when nothing was known. */
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

/** What the snapshot holds of one pod: states by id. */
export function statesOf(snapshot: RuntimeSnapshot, podUid: string): ReadonlyMap<string, string> {
  const states = new Map<string, string>();
  for (const [id, { uid, state }] of snapshot) if (uid === podUid) states.set(id, state);
  return states;
}

/** States of a pod's sandboxes and containers in the runtime's words, by id. */
export interface ToldStates {
  readonly states: ReadonlyMap<string, string>;
  /** Whether there is nothing else of the pod. */
  readonly areAll: boolean;
}

/**
 * `too-early`: there is more than was seen, while something is being made for the pod; its worker will
 * look at what it made, and then it shows whether that was all.
 */
export type StateComparison = 'same' | 'different' | 'too-early';

/** What was last seen of a pod. */
export interface LastSeen {
  /** By id. */
  readonly states: ReadonlyMap<string, string>;
  /** Whether something is being made of it, or has been made that was not looked at yet. */
  readonly isGrowing: boolean;
}

/**
 * What the runtime tells of a pod, against what was last seen of it.
 *
 * @param seen undefined: nothing that could be compared
 */
export function compareStates(seen: LastSeen | undefined, told: ToldStates): StateComparison {
  if (seen === undefined) return 'different';
  const { states, isGrowing } = seen;
  let isMore = false;
  for (const [id, state] of told.states) {
    const known = states.get(id);
    if (known === undefined) isMore = true;
    else if (known !== state) return 'different';
  }
  if (told.areAll && [...states.keys()].some((id) => !told.states.has(id))) return 'different';
  if (!isMore) return 'same';
  return isGrowing ? 'too-early' : 'different';
}
