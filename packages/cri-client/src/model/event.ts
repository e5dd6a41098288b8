import type { ContainerStatus } from './container.js';
import type { Seen } from './linux.js';
import type { SandboxStatus } from './sandbox.js';

export type ContainerEventType = 'created' | 'started' | 'stopped' | 'deleted';

export interface ContainerEvent {
  /** The id of a container or a sandbox. */
  readonly id: string;
  readonly type: Seen<ContainerEventType>;
  readonly atMs: number;
  /** The pod after the event. Absent when the sandbox no longer exists. */
  readonly sandbox?: SandboxStatus | undefined;
  readonly containers: readonly ContainerStatus[];
}
