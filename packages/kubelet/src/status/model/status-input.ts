import type { PodStatus } from '@nodeagent/kube-client';

import type { PodFacts } from '../../pod/index.js';

/** Everything that a pod's status is made from. */
export interface StatusInput extends PodFacts {
  /** What was last said of the pod: by this kubelet, or, when it is new here, by the API. */
  readonly previous: PodStatus;
  /** Addresses of the node, its primary family first. */
  readonly hostIps: readonly string[];
  readonly nowMs: number;
}
