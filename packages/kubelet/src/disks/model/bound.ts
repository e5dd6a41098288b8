import type { PersistentVolume, PersistentVolumeClaim } from '@nodeagent/kube-client';

/** A claim and the PersistentVolume that it is bound to, from the API. */
export interface Bound {
  readonly claim: PersistentVolumeClaim;
  readonly found: PersistentVolume;
}
