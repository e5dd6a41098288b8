import type { ContainerStatus } from './container.js';
import type { Seen } from './linux.js';
import type { SandboxStatus } from './sandbox.js';

export type ContainerEventType = 'created' | 'started' | 'stopped' | 'deleted';

export interface ContainerEvent {
  /** A container's or a sandbox's id. */
  readonly id: string;
  readonly type: Seen<ContainerEventType>;
  readonly atMs: number;
  /** The pod after the event. Absent when the sandbox is gone. */
  readonly sandbox?: SandboxStatus | undefined;
  readonly containers: readonly ContainerStatus[];
}
