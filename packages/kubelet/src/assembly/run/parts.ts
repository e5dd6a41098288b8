import type { KubeletConfig } from '../../config/index.js';
import type { WholeIdentity } from '../model/identity.js';
import type { CriServices, KubeletAdapters } from '../ports.js';

/** Inputs from which every part of a kubelet is assembled. */
export interface Parts {
  readonly config: KubeletConfig;
  readonly identity: WholeIdentity;
  readonly adapters: KubeletAdapters;
  readonly cri: CriServices;
}
