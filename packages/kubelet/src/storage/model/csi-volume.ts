import type { PathSegment } from '@nodeagent/base';

import type { LocalVolume, NfsVolume, VolumeMode } from '../../disks/index.js';

export interface SecretRef {
  readonly namespace: string;
  readonly name: string;
}

/** A volume of a CSI driver, from a PersistentVolume or from the pod itself. */
export interface CsiVolume {
  readonly kind: 'csi';
  readonly driver: string;
  readonly volumeHandle: string;
  /** The PersistentVolume's name, or the pod's own name of the volume; used as directory name. */
  readonly specName: PathSegment;
  /** `Ephemeral` volumes are declared in the pod and live as long as the pod. */
  readonly lifecycle: 'Persistent' | 'Ephemeral';
  readonly mode: VolumeMode;
  /** Declared with an in-tree type that a CSI driver has taken over. */
  readonly migrated: boolean;
  readonly fsType: string;
  readonly readOnly: boolean;
  readonly attributes: Readonly<Record<string, string>>;
  /** `ReadWriteOnce` …, as in the PersistentVolume. */
  readonly accessModes: readonly string[];
  readonly mountOptions: readonly string[];
  readonly stageSecret: SecretRef | undefined;
  readonly publishSecret: SecretRef | undefined;
  readonly expandSecret: SecretRef | undefined;
}

/** A directory or file of the host that a PersistentVolume names. */
export interface HostPathVolume {
  readonly kind: 'hostPath';
  readonly path: string;
  /** The type, as in a pod's hostPath; empty for no check. */
  readonly type: string;
  readonly readOnly: boolean;
}

export type BackingVolume = CsiVolume | HostPathVolume | LocalVolume | NfsVolume;

/** Requests service account tokens for a driver. */
export interface TokenWish {
  /** Empty for the API server's own audience. */
  readonly audience: string;
  readonly expirationSeconds: number;
}

/** The settings of a CSIDriver object, with the defaults of a missing one. */
export interface DriverRules {
  readonly attachRequired: boolean;
  readonly podInfoOnMount: boolean;
  readonly requiresRepublish: boolean;
  readonly fsGroupPolicy: 'ReadWriteOnceWithFSType' | 'File' | 'None';
  readonly lifecycles: readonly string[];
  readonly tokenRequests: readonly TokenWish[];
  /** Tokens are passed in the secrets of a publication, not in its context. */
  readonly tokensInSecrets: boolean;
  /** The driver mounts with an SELinux label. */
  readonly seLinuxMount: boolean;
  /** Interval of asking the driver for its limit of volumes; undefined for never. */
  readonly limitsPeriodMs: number | undefined;
  /** False if there is no such object. */
  readonly declared: boolean;
}
