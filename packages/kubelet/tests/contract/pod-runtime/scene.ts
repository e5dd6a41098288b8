import type { Pod } from '@nodeagent/kube-client';

import { type PodRuntime, type RuntimeView } from '../../../src/pod/index.js';

/** A step of the runtime that can be made to fail. */
export type Step =
  | 'create-sandbox'
  | 'create-container'
  | 'start-container'
  | 'stop-container'
  | 'remove-container'
  | 'stop-sandbox'
  | 'remove-sandbox'
  | 'resize'
  | 'observe';

/** A runtime, the view of it, and what happens to it beside the port. */
export interface RuntimeScene {
  readonly runtime: PodRuntime;
  readonly view: RuntimeView;
  /** One that the node has, with a shell. */
  readonly image: string;
  /** Resolves once the program of a running container has set up, or ignored, its signal handlers. */
  listens(containerId: string): Promise<void>;
  /** Ends the program of a running `told` by itself; it leaves the message. */
  end(containerId: string, exit: Readonly<{ exitCode: number; message: string }>): Promise<void>;
  /** As another client of the runtime: makes a sandbox for the pod. @returns its id */
  makeSandboxElsewhere(pod: Pod): Promise<string>;
  /** Kills the process that holds a sandbox. */
  killSandbox(sandboxId: string): Promise<void>;
  /** Log files of a pod: `<container>/<file>`, sorted. */
  logs(pod: Pod): Promise<readonly string[]>;
  /** Reasons of the events of a pod, oldest first: `Created`, `Started`. */
  reasons(pod: Pod): readonly string[];
  /** The next step of the kind fails: without effect, or after it, as when the answer is lost. */
  fail(step: Step, when: 'before' | 'after'): void;
  close(): Promise<void>;
}
