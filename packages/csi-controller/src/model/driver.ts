import type { ControllerCapability, PluginService } from '@nodeagent/csi';

/** The answers of a driver that decide which volumes it gets to see. */
export interface DriverFacts {
  readonly name: string;
  readonly controller: ReadonlySet<ControllerCapability>;
  readonly services: ReadonlySet<PluginService>;
  /** The node service expands volumes. */
  readonly expandsOnNode: boolean;
}
