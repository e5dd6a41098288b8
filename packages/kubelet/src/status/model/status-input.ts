import type { PodStatus } from '@nodeagent/kube-client';

import type { PodFacts } from '../../pod/index.js';

/** All inputs from which a pod's status is computed. */
export interface StatusInput extends PodFacts {
  /** The last known status: written by this kubelet or, for a pod new to it, read from the API. */
  readonly previous: PodStatus;
  /** Addresses of the node, its primary family first. */
  readonly hostIps: readonly string[];
  readonly nowMs: number;
}
