import type { CsiServices, RegistrationService } from '@nodeagent/csi';

/** The socket of a plug-in on this node. */
export interface PluginSocket {
  /** An absolute path. */
  readonly path: string;
  /** Changes when the socket is created again. */
  readonly identity: string;
}

/** Plug-ins of this node. */
export interface PluginSockets {
  /** The sockets in `plugins_registry` and its subdirectories; creates the directory if missing. */
  list(): Promise<readonly PluginSocket[]>;
  openRegistration(path: string): RegistrationService & { close(): void };
  openDriver(path: string): OpenDriver;
}

export type OpenDriver = Pick<CsiServices, 'node'> & { close(): void };
