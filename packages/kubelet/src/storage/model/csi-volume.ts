import type { PathSegment } from '@nodeagent/base';

export interface SecretRef {
  readonly namespace: string;
  readonly name: string;
}

/** A volume of a CSI driver, from a PersistentVolume or from the pod itself. */
export interface CsiVolume {
  readonly kind: 'csi';
  readonly driver: string;
  readonly volumeHandle: string;
  /** The PersistentVolume's name, or the pod's own name of the volume: the directory's name. */
  readonly specName: PathSegment;
  /** `Ephemeral` volumes are declared in the pod and live as long as it. */
  readonly lifecycle: 'Persistent' | 'Ephemeral';
  readonly fsType: string;
  readonly readOnly: boolean;
  readonly attributes: Readonly<Record<string, string>>;
  /** `ReadWriteOnce` …, as the PersistentVolume lists them. */
  readonly accessModes: readonly string[];
  readonly mountOptions: readonly string[];
  readonly stageSecret: SecretRef | undefined;
  readonly publishSecret: SecretRef | undefined;
}

/** A directory or file of the host that a PersistentVolume names. */
export interface HostPathVolume {
  readonly kind: 'hostPath';
  readonly path: string;
  /** As a pod's hostPath has it; empty for no check. */
  readonly type: string;
  readonly readOnly: boolean;
}

export type BackingVolume = CsiVolume | HostPathVolume;

/** What a CSIDriver object says, with the defaults of one that is not there. */
export interface DriverRules {
  readonly attachRequired: boolean;
  readonly podInfoOnMount: boolean;
  readonly requiresRepublish: boolean;
  readonly fsGroupPolicy: 'ReadWriteOnceWithFSType' | 'File' | 'None';
  readonly lifecycles: readonly string[];
  /** False where there is no such object. */
  readonly declared: boolean;
}
