import type { FailureVerdict } from '../../pod/index.js';

const MESSAGE = 'Pod was terminated in response to imminent node shutdown.';

/** Why pods end when the machine goes down; clients compare these words. */
export const SHUTDOWN_VERDICT: FailureVerdict = {
  reason: 'Terminated',
  message: MESSAGE,
  disruption: MESSAGE,
};
