import type { ContainerStatus } from './container.js';
import type { Seen } from './linux.js';
import type { SandboxStatus } from './sandbox.js';

/** `stopped` means that the process ended, by itself or by a call. */
export type ContainerEventType = 'created' | 'started' | 'stopped' | 'deleted';

/** A change that the runtime reports by its event stream. */
export interface ContainerEvent {
  /** The id of a container or a sandbox. */
  readonly id: string;
  readonly type: Seen<ContainerEventType>;
  readonly atMs: number;
  /** The pod after the event. Absent when the sandbox no longer exists. */
  readonly sandbox?: SandboxStatus | undefined;
  readonly containers: readonly ContainerStatus[];
}
