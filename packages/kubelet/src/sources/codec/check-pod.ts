import { isDeeperThan } from '@nodeagent/base';
import type { Pod } from '@nodeagent/kube-client';

import { podType } from '../model/pod-types.js';
import { type Problem, readTyped } from './typed-value.js';

/** As many as fit into a line of a log. */
const MOST_PROBLEMS = 5;
/** Far more than a pod has, also with who manages which field. */
const MOST_LEVELS = 100;

/**
 * Holds a pod of the API to its types, so that nothing behind it meets a number where a text was
 * promised: an API server of another make, or a proxy before it, might send anything. Fields that are
 * unknown here may hold what they like, but not so deep that whoever writes the pod on runs out of
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

/** What no pod on a node can be without, however old the API server. */
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
