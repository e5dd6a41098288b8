import type { IdMapping } from '@nodeagent/cri-client';
import type { Pod } from '@nodeagent/kube-client';

import { StartError } from '../../pod/index.js';

/** A range of host ids that pods receive in blocks. */
export interface IdRange {
  /** A multiple of `idsPerPod`, and at least `idsPerPod`. */
  readonly first: number;
  readonly length: number;
  readonly idsPerPod: number;
}

export const DEFAULT_IDS_PER_POD = 65_536;
const ALL_IDS = 2 ** 32;

/** All ids except the first block, which the host itself uses. */
export function defaultIdRange(idsPerPod = DEFAULT_IDS_PER_POD): IdRange {
  return { first: idsPerPod, length: ALL_IDS - idsPerPod, idsPerPod };
}

/**
 * The range that `getsubids` assigns to the kubelet.
 *
 * @param uids output of `getsubids kubelet`: `0: kubelet 65536 7208960`
 * @param gids output of `getsubids -g kubelet`
 * @returns an error message if pods cannot use it
 * @see Kubernetes 1.36 pkg/kubelet/userns/userns_manager.go
 */
export function subIdRange(
  { uids, gids }: Readonly<{ uids: string; gids: string }>,
  { idsPerPod, maxPods }: Readonly<{ idsPerPod: number; maxPods: number }>,
): IdRange | string {
  if (uids.trim() !== gids.trim()) {
    return `user and group ids of the user kubelet differ: ${quoted(uids)} and ${quoted(gids)}`;
  }
  const found = /^\s*\d+:\s+\S+\s+(\d+)\s+(\d+)\s*$/.exec(uids);
  if (found === null) return `the user kubelet must have one range of ids, not ${quoted(uids)}`;
  const range = { first: Number(found[1]), length: Number(found[2]), idsPerPod };
  return rangeProblem(range, maxPods) ?? range;
}

/** @returns the reason why a range cannot be used; undefined if it can */
export function rangeProblem(
  { first, length, idsPerPod }: IdRange,
  maxPods: number,
): string | undefined {
  if (idsPerPod < DEFAULT_IDS_PER_POD || idsPerPod % DEFAULT_IDS_PER_POD !== 0) {
    return `ids per pod must be a multiple of ${DEFAULT_IDS_PER_POD}, not ${idsPerPod}`;
  }
  if (first < idsPerPod || first % idsPerPod !== 0) {
    return `the first id must be a multiple of ${idsPerPod} and not below it, but is ${first}`;
  }
  if (length % idsPerPod !== 0) {
    return `the number of ids must be a multiple of ${idsPerPod}, but is ${length}`;
  }
  if (first + length > ALL_IDS) return `ids end at ${ALL_IDS - 1}, not at ${first + length - 1}`;
  if (length / idsPerPod >= maxPods) return undefined;
  return `${length} ids are too few for ${maxPods} pods of ${idsPerPod} each`;
}

function quoted(text: string): string {
  return JSON.stringify(text.trim());
}

/**
 * Finds the first free block, starting at a random place.
 *
 * @param used first ids of the blocks that pods have
 * @param chance in [0, 1)
 * @returns undefined if no block is free
 */
export function freeBlock(
  { first, length, idsPerPod }: IdRange,
  used: ReadonlySet<number>,
  chance: number,
): IdMapping | undefined {
  const blocks = Math.floor(length / idsPerPod);
  const start = Math.floor(chance * blocks);
  for (let i = 0; i < blocks; i += 1) {
    const hostId = first + ((start + i) % blocks) * idsPerPod;
    if (!used.has(hostId)) return { hostId, containerId: 0, length: idsPerPod };
  }
  return undefined;
}

/** The record of a pod's ids, in the format that other kubelets use too. */
export function renderIds(mapping: IdMapping): string {
  const { hostId, containerId, length } = mapping;
  const own = [{ hostId, containerId, length }];
  return JSON.stringify({ uidMappings: own, gidMappings: own });
}

/**
 * @returns an error message for a text that is not exactly one mapping, the same for users and
 *   groups
 */
export function parseIds(text: string, idsPerPod: number): IdMapping | string {
  const problem = `must hold one and the same mapping of ${idsPerPod} ids for users and groups`;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return `is not JSON; it ${problem}`;
  }
  const { uidMappings, gidMappings } = (value ?? {}) as Record<string, unknown>;
  if (JSON.stringify(uidMappings) !== JSON.stringify(gidMappings)) return problem;
  if (!Array.isArray(uidMappings) || uidMappings.length !== 1) return problem;
  const { hostId, containerId, length } = uidMappings[0] as Record<string, unknown>;
  if (!Number.isSafeInteger(hostId) || containerId !== 0 || length !== idsPerPod) return problem;
  return { hostId: hostId as number, containerId, length };
}

/** The error for a pod whose runtime handler does not support user namespaces. */
export function noUserNamespaces(runtimeHandler: string): StartError {
  const who =
    runtimeHandler === '' ? 'runtime' : `RuntimeClass handler ${JSON.stringify(runtimeHandler)}`;
  const message = `can't set \`spec.hostUsers: false\`, ${who} does not support user namespaces`;
  return new StartError('CreatePodSandboxError', message);
}

export function wantsOwnUsers(pod: Pod): boolean {
  return pod.spec?.hostUsers === false;
}
