import { createSystemClock } from '@nodeagent/base/system';
import { MemoryLogger } from '@nodeagent/base/testing';

import type { HttpKubeClient } from '../../src/http.js';
import { PODS } from '../../src/model/resources/core.js';
import { runReflector } from '../../src/run/reflector.js';
import { Store } from '../../src/run/store.js';

export function aPod(name: string, version: number) {
  return { metadata: { namespace: 'a', name, resourceVersion: String(version) } };
}

/** An event of a watch. */
export function line(type: string, object: object): string {
  return `${JSON.stringify({ type, object })}\n`;
}

/** A reflector of pods on a client, whose waits are cut to a hundredth. */
export function followPods(client: HttpKubeClient) {
  const real = createSystemClock();
  const clock = {
    ...real,
    sleep: (ms: number, signal: AbortSignal) => real.sleep(ms / 100, signal),
  };
  const end = new AbortController();
  const store = new Store<string>();
  const errors: string[] = [];
  const options = {
    resource: PODS,
    project: (pod: { metadata?: { resourceVersion?: string } }) =>
      pod.metadata?.resourceVersion ?? '',
    sink: store,
    log: new MemoryLogger(),
    clock,
    random: () => 0,
    onError: (error: Error) => errors.push(error.message),
  };
  const done = runReflector(client, options, end.signal);
  return {
    /** Versions of the pods by their keys. */
    state: (): Record<string, string> => Object.fromEntries(store.items),
    errors,
    stop: async (): Promise<void> => {
      end.abort();
      await done;
    },
  };
}
