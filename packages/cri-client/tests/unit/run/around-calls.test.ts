import { describe, expect, it } from 'vitest';

import type { ImageService, RuntimeService } from '../../../src/ports.js';
import { aroundImages, aroundRuntime } from '../../../src/run/around-calls.js';

const { signal } = new AbortController();

/** A service with these methods: notes calls and answers each with its own name. */
function noting(methods: readonly string[], notes: unknown[][]): unknown {
  const answer =
    (name: string) =>
    async (...args: unknown[]): Promise<string> => {
      notes.push([name, ...args]);
      return name;
    };
  const stream = (name: string) =>
    async function* (...args: unknown[]): AsyncGenerator<readonly string[]> {
      notes.push([name, ...args]);
      yield [name];
    };
  const isStream = (name: string): boolean =>
    name.startsWith('stream') || name === 'containerEvents';
  const made = methods.map((name) => [name, isStream(name) ? stream(name) : answer(name)] as const);
  return Object.fromEntries(made);
}

const RUNTIME_METHODS = Object.keys(aroundRuntime({} as RuntimeService, (_, make) => make()));
const IMAGE_METHODS = Object.keys(aroundImages({} as ImageService, (_, make) => make()));

describe.each([
  {
    name: 'aroundRuntime',
    open: (around: <R>(name: string, make: () => Promise<R>) => Promise<R>, notes: unknown[][]) =>
      aroundRuntime(noting(RUNTIME_METHODS, notes) as RuntimeService, ({ method }, make) =>
        around(method, make),
      ),
  },
  {
    name: 'aroundImages',
    open: (around: <R>(name: string, make: () => Promise<R>) => Promise<R>, notes: unknown[][]) =>
      aroundImages(noting(IMAGE_METHODS, notes) as ImageService, ({ method }, make) =>
        around(method, make),
      ),
  },
])('$name', ({ open }) => {
  const notes: unknown[][] = [];
  const seen: string[] = [];
  const wrapped = open((method, make) => {
    seen.push(method);
    return make();
  }, notes) as unknown as Readonly<Record<string, (...args: unknown[]) => unknown>>;

  it.each(Object.keys(wrapped).map((method) => ({ method })))(
    'passes $method on, with its arguments, under its own name',
    async ({ method }) => {
      notes.length = 0;
      seen.length = 0;
      const call = wrapped[method];
      const args = Array.from({ length: call?.length ?? 0 }, (_, i) => ({ argument: i }));
      const answer = call?.(...args);
      const isStream =
        typeof answer === 'object' && answer !== null && Symbol.asyncIterator in answer;
      if (isStream) {
        const read: unknown[] = [];
        for await (const batch of answer as AsyncIterable<unknown>) read.push(batch);
        expect(read).toEqual([[method]]);
      } else {
        expect(await answer).toBe(method);
      }
      expect(notes).toEqual([[method, ...args]]);
      expect(seen).toEqual(isStream ? [] : [method]);
    },
  );
});

it('a sandbox is made with the name of its runtime handler at hand', async () => {
  const handlers: string[] = [];
  const runtime = aroundRuntime(noting(RUNTIME_METHODS, []) as RuntimeService, (call, make) => {
    if (call.method === 'runPodSandbox') handlers.push(call.runtimeHandler);
    return make();
  });
  const config = { metadata: { name: 'web', namespace: 'default', uid: 'u', attempt: 0 } };
  await runtime.runPodSandbox({ config, runtimeHandler: 'kata' }, signal);
  await runtime.runPodSandbox({ config }, signal);
  expect(handlers).toEqual(['kata', '']);
});
