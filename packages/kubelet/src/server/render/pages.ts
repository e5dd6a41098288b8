import type { ProgramSelf } from '@nodeagent/component-base';

/** What the simple pages tell of the program. */
export interface ProgramFacts {
  /** `v1.36.0` */
  readonly version: string;
  /** Flags as they were given or defaulted, by name without dashes. */
  readonly flags: Readonly<Record<string, string>>;
  /** The configuration in force, in the file's form. */
  readonly config: Readonly<Record<string, unknown>>;
  readonly startedAtMs: number;
  /** `v26.0.0`, of Node.js. */
  readonly runtimeVersion: string;
}

/** What is served beside the pages of the kubelet's own state. */
const PATHS = ['/configz', '/flagz', '/healthz', '/metrics', '/pods', '/runningpods', '/stats'];

/** The same for `/flagz` and `/statusz`. */
export function programSelf(facts: ProgramFacts): ProgramSelf {
  return { ...facts, component: 'kubelet', paths: PATHS };
}

/** `/configz`: the configuration under the name by which components register it. */
export function configzPage({ config }: ProgramFacts): unknown {
  return { kubeletconfig: config };
}
