import type { ControllerCapability } from '../codec/controller.js';
import type { PluginService } from '../codec/identity.js';
import type { NodeCapability } from '../codec/node.js';
import type { VolumeCapability } from '../codec/volume.js';
import type { CsiServices } from '../ports.js';

/** Names and paths that a case may use; each is used once. */
export interface SanityOptions {
  /** A name that no other volume or snapshot has. */
  readonly newName: () => string;
  /** An absolute path that does not exist and whose parent does. */
  readonly newTargetPath: () => Promise<string>;
  /** An absolute path of an empty directory. */
  readonly newStagingPath: () => Promise<string>;
  /**
   * The capability that volumes are requested with; by default mounted, and written by a single
   * node.
   */
  readonly capability?: VolumeCapability;
  /** Parameters of the storage class. */
  readonly parameters?: Readonly<Record<string, string>>;
  /**
   * Called before a deletion is repeated that the driver refused because the volume is in use: the
   * kernel may release it a moment after its unmount. Without it, a refusal fails the case.
   */
  readonly pause?: () => Promise<void>;
  /** Size of the volumes, 1 GiB when absent. */
  readonly volumeBytes?: number;
}

/** A driver under test with its declared capabilities. */
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

/** One rule of the CSI specification as a test. */
export interface SanityCase {
  /** A statement, `deletes a volume twice`. */
  readonly name: string;
  /** The capability without which the case does not apply. */
  readonly needs?: SanityNeed | undefined;
  /** @throws an Error that states the driver's fault */
  run(context: SanityContext): Promise<void>;
}

/** A case runs only if the driver reports all of these. */
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
