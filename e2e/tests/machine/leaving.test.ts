import { describe } from 'vitest';

import { useMachines } from './fixture.ts';
import { handover } from './handover.ts';
import { shutdown } from './shutdown.ts';

/** A machine apart from that of one-node.test.ts: two at a time take half as long. */
const lab = useMachines({
  node1: { kubeletConfig: { staticPodPath: '/etc/kubernetes/manifests' } },
});

describe('a node that goes to another kubelet and back', () => handover(lab));
describe('a machine that shuts down', () => shutdown(lab));
