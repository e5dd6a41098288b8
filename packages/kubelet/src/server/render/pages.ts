import type { ProgramSelf } from '@nodeagent/component-base';

/** Facts about the program for its information pages. */
export interface ProgramFacts {
  /** `v1.36.0` */
  readonly version: string;
  /** Flags with their values, including defaults; names without dashes. */
  readonly flags: Readonly<Record<string, string>>;
  /** The configuration in force, in the form of a file. */
  readonly config: Readonly<Record<string, unknown>>;
  readonly startedAtMs: number;
  /** The version of Node.js, `v26.0.0`. */
  readonly runtimeVersion: string;
}

/** Paths that `/statusz` lists. */
const PATHS = ['/configz', '/flagz', '/healthz', '/metrics', '/pods', '/runningpods', '/stats'];

/** The input of the pages `/flagz` and `/statusz`. */
export function programSelf(facts: ProgramFacts): ProgramSelf {
  return { ...facts, component: 'kubelet', paths: PATHS };
}

/** `/configz`: the configuration under the name that Kubernetes components use for it. */
export function configzPage({ config }: ProgramFacts): unknown {
  return { kubeletconfig: config };
}
