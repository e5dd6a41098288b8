import type { ControllerCapability } from '../codec/controller.js';
import type { PluginService } from '../codec/identity.js';
import type { NodeCapability } from '../codec/node.js';
import type { VolumeCapability } from '../codec/volume.js';
import type { CsiServices } from '../ports.js';

export interface SanityOptions {
  /** A name that no other volume or snapshot has. */
  readonly newName: () => string;
  /** An absolute path that does not exist and whose parent does. */
  readonly newTargetPath: () => Promise<string>;
  /** An absolute path of an empty directory. */
  readonly newStagingPath: () => Promise<string>;
  /** How volumes are asked for; one that is written by one node, mounted, when absent. */
  readonly capability?: VolumeCapability;
  /** Parameters of the storage class. */
  readonly parameters?: Readonly<Record<string, string>>;
  /** Size of the volumes, 1 GiB when absent. */
  readonly volumeBytes?: number;
}

/** A driver under test and what it says that it can. */
export interface SanityContext extends SanityOptions {
  readonly csi: CsiServices;
  readonly capability: VolumeCapability;
  readonly parameters: Readonly<Record<string, string>>;
  readonly volumeBytes: number;
  readonly signal: AbortSignal;
  readonly plugin: ReadonlySet<PluginService>;
  readonly node: ReadonlySet<NodeCapability>;
  readonly controller: ReadonlySet<ControllerCapability>;
}

export interface SanityCase {
  /** A statement, `deletes a volume twice`. */
  readonly name: string;
  /** The capability without which the case does not apply. */
  readonly needs?: SanityNeed | undefined;
  /** @throws an Error that says what the driver did wrong */
  run(context: SanityContext): Promise<void>;
}

export interface SanityNeed {
  readonly plugin?: PluginService;
  readonly node?: NodeCapability;
  readonly controller?: ControllerCapability;
}

/** One mounted file system, written by one node. */
export const SINGLE_WRITER: VolumeCapability = {
  access: { kind: 'mount', value: { fsType: '', mountFlags: [], volumeMountGroup: '' } },
  accessMode: { mode: 'single-node-writer' },
};
