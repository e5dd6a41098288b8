import type { Clock } from '@nodeagent/base';
import type { MemoryRuntime } from '@nodeagent/cri-client/testing';

import { completeIdentity, type KubeletIdentity } from '../../../src/assembly/model/identity.js';
import type { Parts } from '../../../src/assembly/run/parts.js';
import { parseKubeletConfig } from '../../../src/config/index.js';
import { createMemoryNode } from '../../../src/testing/index.js';

/** A kubelet's parts on a node in memory. */
export function memoryParts(
  given: Readonly<{ clock: Clock; cri: MemoryRuntime; identity?: KubeletIdentity }>,
): Parts {
  const { clock, cri: runtime, identity = { nodeName: 'n1' } } = given;
  return {
    config: parseKubeletConfig().config,
    identity: completeIdentity(identity),
    adapters: createMemoryNode({ clock }).adapters,
    cri: { runtime, images: runtime.images, close: () => undefined },
  };
}
