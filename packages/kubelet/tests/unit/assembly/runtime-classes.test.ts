import { ManualClock, MemoryLogger } from '@nodeagent/base/testing';
import { KubeError, RUNTIME_CLASSES } from '@nodeagent/kube-client';
import { createMemoryKubeClient } from '@nodeagent/kube-client/testing';
import { afterEach, describe, expect, it } from 'vitest';

import { watchRuntimeClasses } from '../../../src/assembly/run/runtime-classes.js';

let end: AbortController;
let running: Promise<void>;
afterEach(async () => {
  end.abort();
  await running;
});

async function start() {
  const clock = new ManualClock();
  const client = createMemoryKubeClient({ clock });
  const metadata = { name: 'sandboxed' };
  end = new AbortController();
  await client.create(RUNTIME_CLASSES, { metadata, handler: 'runsc' }, end.signal);
  const parts = { clock, random: () => 0.5, log: new MemoryLogger() };
  const { reader, run } = watchRuntimeClasses(client, parts);
  running = run(end.signal);
  await clock.advance(1000);
  const away = new KubeError('KUBE_UNAVAILABLE', 'refused');
  const lose = (): void => client.failNext({ verb: 'get', plural: 'runtimeclasses' }, away);
  const handlerOf = async (name: string): Promise<string> =>
    (await reader.get(RUNTIME_CLASSES, { name }, end.signal)).handler;
  const { reader: unwatched } = watchRuntimeClasses(client, parts);
  return { clock, client, handlerOf, lose, unwatched };
}

describe(watchRuntimeClasses, () => {
  it('knows a class while the API server does not answer', async () => {
    const { handlerOf, lose } = await start();
    lose();
    expect(await handlerOf('sandboxed')).toBe('runsc');
    await expect(handlerOf('other')).rejects.toMatchObject({ code: 'KUBE_UNAVAILABLE' });
  });

  it('asks for a class that the watch has not delivered', async () => {
    const { unwatched } = await start();
    const { handler } = await unwatched.get(RUNTIME_CLASSES, { name: 'sandboxed' }, end.signal);
    expect(handler).toBe('runsc');
  });

  it('forgets a class that was removed', async () => {
    const { clock, client, handlerOf } = await start();
    await client.delete(RUNTIME_CLASSES, { name: 'sandboxed' }, {}, end.signal);
    await clock.advance(1000);
    await expect(handlerOf('sandboxed')).rejects.toMatchObject({ code: 'KUBE_NOT_FOUND' });
  });
});
