import { type Brand, pathSegmentProblem } from '@nodeagent/base';
import type { Pod } from '@nodeagent/kube-client';

/**
 * A pod's uid, checked by {@link parsePodUid}: safe as a directory name, as the last part of a log
 * directory's name, and in a cgroup's name.
 */
export type PodUid = Brand<string, 'PodUid'>;

/** Keeps `pod<uid>`, the name of the pod's cgroup, within the limit for directory names. */
const MAX_UID_CHARS = 250;
const UID_CHARS = /^[A-Za-z0-9][A-Za-z0-9.-]*$/;

/**
 * The API server, and the reader of manifests without a uid, produce UUIDs and hashes; a manifest
 * may contain any text. Besides the characters that paths refuse, `_` is refused: names of log
 * directories are split at it, and names of systemd slices use it for `-`.
 *
 * @returns the reason why the text cannot be a pod's uid; undefined if it can
 */
export function podUidProblem(text: string): string | undefined {
  const problem = pathSegmentProblem(text);
  if (problem !== undefined) return problem;
  if (text.length > MAX_UID_CHARS) return `must be no more than ${MAX_UID_CHARS} characters`;
  if (UID_CHARS.test(text)) return undefined;
  return "must consist of letters, digits, '-' and '.', and begin with a letter or a digit";
}

/** @returns undefined if the text cannot be a pod's uid */
export function parsePodUid(text: string): PodUid | undefined {
  return podUidProblem(text) === undefined ? (text as PodUid) : undefined;
}

/**
 * The uid of an accepted pod.
 *
 * @throws {RangeError} for a uid that should have been refused
 */
export function toPodUid(text: string): PodUid {
  const problem = podUidProblem(text);
  if (problem === undefined) return text as PodUid;
  throw new RangeError(`metadata.uid ${JSON.stringify(text.slice(0, MAX_UID_CHARS))}: ${problem}`);
}

/**
 * Checks the names in a pod that become paths on this node. The API server and the checks of
 * manifests are stricter.
 *
 * @returns the first problem; undefined if all names are safe
 */
export function podNamesProblem({ metadata = {}, spec }: Pod): string | undefined {
  const uidProblem = podUidProblem(metadata.uid ?? '');
  if (uidProblem !== undefined) return `metadata.uid: ${uidProblem}`;
  const lists = ['containers', 'initContainers', 'ephemeralContainers', 'volumes'] as const;
  const names: readonly (readonly [field: string, name: unknown])[] = [
    ['metadata.namespace', metadata.namespace ?? 'default'],
    ['metadata.name', metadata.name ?? ''],
    ...lists.flatMap((list) =>
      (spec?.[list] ?? []).map(({ name }, at) => [`spec.${list}[${at}].name`, name] as const),
    ),
  ];
  for (const [field, name] of names) {
    const problem = typeof name === 'string' ? pathSegmentProblem(name) : 'must be a string';
    if (problem !== undefined) return `${field}: ${problem}`;
  }
  return undefined;
}
