import { type Brand, pathSegmentProblem } from '@nodeagent/base';
import type { Pod } from '@nodeagent/kube-client';

/**
 * A pod's uid, checked by {@link parsePodUid}: safe as a name of a directory, as the last part of a
 * log directory's name and in the name of a cgroup.
 */
export type PodUid = Brand<string, 'PodUid'>;

/** So that `pod<uid>`, the name of its cgroup, is one that a directory can have. */
const MAX_UID_CHARS = 250;
const UID_CHARS = /^[A-Za-z0-9][A-Za-z0-9.-]*$/;

/**
 * The API server and manifests without a uid give UUIDs and hashes; a manifest may give what it likes.
 * `_` is refused beside what no path takes: names of log directories are split at it, and systemd's
 * names of slices have it for `-`.
 *
 * @returns why the text cannot be a pod's uid; undefined when it can
 */
export function podUidProblem(text: string): string | undefined {
  const problem = pathSegmentProblem(text);
  if (problem !== undefined) return problem;
  if (text.length > MAX_UID_CHARS) return `must be no more than ${MAX_UID_CHARS} characters`;
  if (UID_CHARS.test(text)) return undefined;
  return "must consist of letters, digits, '-' and '.', and begin with a letter or a digit";
}

/** @returns undefined for text that no pod has as its uid */
export function parsePodUid(text: string): PodUid | undefined {
  return podUidProblem(text) === undefined ? (text as PodUid) : undefined;
}

/** Of a pod that was let in. @throws {RangeError} for one that never should have been */
export function toPodUid(text: string): PodUid {
  const problem = podUidProblem(text);
  if (problem === undefined) return text as PodUid;
  throw new RangeError(`metadata.uid ${JSON.stringify(text.slice(0, MAX_UID_CHARS))}: ${problem}`);
}

/**
 * What is wrong with those names in a pod that become paths on this node; the API server, and the
 * checks of manifests, ask for more.
 *
 * @returns undefined when all are safe
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
    const problem = typeof name === 'string' ? pathSegmentProblem(name) : 'must be a text';
    if (problem !== undefined) return `${field}: ${problem}`;
  }
  return undefined;
}
