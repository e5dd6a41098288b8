import type { CsiServices, RegistrationService } from '@nodeagent/csi';

/** Files beside the mounts of CSI volumes. */
export interface StorageFiles {
  /** Makes a directory for root alone, with its parents. */
  makeDirectory(path: string): Promise<void>;
  /** @returns undefined when there is none */
  readText(path: string): Promise<string | undefined>;
  /** Readers see the old text or the new one. */
  writeText(path: string, text: string): Promise<void>;
  /** Removes one file or one empty directory; gone already is fine. @throws when it is not empty */
  remove(path: string): Promise<void>;
  /** Names of directories; empty when there is no such path. */
  subdirectories(path: string): Promise<readonly string[]>;
}

/** A socket that a plug-in of this node has made. */
export interface PluginSocket {
  /** An absolute path. */
  readonly path: string;
  /** Another one as soon as the socket was made anew. */
  readonly identity: string;
}

/** Plug-ins of this node. */
export interface PluginSockets {
  /** The sockets in `plugins_registry`, also in directories of it; the directory is made if need be. */
  list(): Promise<readonly PluginSocket[]>;
  openRegistration(path: string): RegistrationService & { close(): void };
  openDriver(path: string): OpenDriver;
}

export type OpenDriver = Pick<CsiServices, 'node'> & { close(): void };
