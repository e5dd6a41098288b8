import { type PathSegment, toPathSegment } from '@nodeagent/base';
import type { Pod } from '@nodeagent/kube-client';

import { podName, podNamespace } from '../../pod/index.js';

const MAX_NAME_BYTES = 255;
const SUFFIX = '.log';

/** `<pod>_<namespace>_<container>-<id>.log`, the format that log collectors parse. */
export function logLinkName(pod: Pod, container: string, id: string): PathSegment {
  const name = `${podName(pod)}_${podNamespace(pod)}_${container}-${id}`;
  const shortened = name.slice(0, MAX_NAME_BYTES - SUFFIX.length) + SUFFIX;
  return toPathSegment(shortened, 'log link name');
}
