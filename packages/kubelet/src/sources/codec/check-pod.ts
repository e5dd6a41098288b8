import { isDeeperThan } from '@nodeagent/base';
import type { Pod } from '@nodeagent/kube-client';

import { podType } from '../model/pod-types.js';
import { type Problem, readTyped } from './typed-value.js';

/** The number of problems that fit into one log line. */
const MOST_PROBLEMS = 5;
/** Far more levels than any pod has, including managed fields. */
const MOST_LEVELS = 100;

/**
 * Checks a pod from the API against its types, so that later code never meets a number where a
 * string was promised: a different API server, or a proxy before it, might send anything. Unknown
 * fields may contain any value, but not so deeply nested that serializing the pod exhausts the
 * stack.
 *
 * @throws {TypeError} that names the fields
 */
export function checkPod(pod: Pod): void {
  if (isDeeperThan(pod, MOST_LEVELS)) {
    throw new TypeError(`the pod: expected at most ${MOST_LEVELS} levels`);
  }
  const problems: Problem[] = [];
  readTyped(podType(), pod, problems);
  if (problems.length === 0) problems.push(...missingParts(pod));
  if (problems.length === 0) return;
  const more = problems.length - MOST_PROBLEMS;
  const shown = problems.slice(0, MOST_PROBLEMS).join('; ');
  throw new TypeError(more > 0 ? `${shown}; and ${more} more` : shown);
}

/** The parts that every pod on a node has, however old the API server. */
function missingParts({ metadata, spec }: Partial<Pod>): Problem[] {
  const { containers }: { containers?: readonly { name?: string }[] } = spec ?? {};
  const found: Problem[] = [];
  if ((metadata?.namespace ?? '') === '') found.push('metadata.namespace: required');
  if ((metadata?.uid ?? '') === '') found.push('metadata.uid: required');
  if (containers === undefined || containers.length === 0) found.push('spec.containers: required');
  containers?.forEach(({ name = '' }, i) => {
    if (name === '') found.push(`spec.containers.${i}.name: required`);
  });
  return found;
}
