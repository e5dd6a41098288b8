import assert from 'node:assert/strict';

import { createSystemClock } from '@nodeagent/base/system';
import { MemoryLogger } from '@nodeagent/base/testing';
import {
  checkReader,
  mapped,
  mutatedBytes,
  mutatedTexts,
  mutatedTrees,
  type Mutator,
  oneOf,
  paired,
} from '@nodeagent/testbed/mutations';
import { describe, test } from 'vitest';

import {
  RECORDED_WATCHES,
  recordedList,
  recordedObjects,
  recordedWatchLines,
} from '../../../../vitest.recorded.js';
import { isKubeError, type KubeObject, PODS } from '../../src/index.js';
import { objectKey } from '../../src/plan/object-name.js';
import type { Transport } from '../../src/ports.js';
import { ApiClient } from '../../src/run/api-client.js';
import { runReflector } from '../../src/run/reflector.js';
import { Store } from '../../src/run/store.js';
import { refuseChannels } from '../support/refuse-channels.js';

const { signal } = new AbortController();

/** Bodies of answers in the order in which they are asked for; then an end that never comes. */
function clientOf(bodies: readonly Uint8Array[], pieceBytes: number): ApiClient {
  let asked = 0;
  const transport: Transport = {
    send: async (_request, _credential, ends) => {
      const bytes = bodies[asked];
      asked += 1;
      return { httpStatus: 200, retryAfter: undefined, body: piecesOf(bytes, pieceBytes, ends) };
    },
    openChannels: refuseChannels,
    close: () => undefined,
  };
  const credentials = { current: async () => ({}), refuse: () => undefined };
  const clock = createSystemClock();
  return new ApiClient({
    ...{ transport, credentials, clock },
    userAgent: 'properties',
    requestTimeoutMs: 1000,
  });
}

async function* piecesOf(
  bytes: Uint8Array | undefined,
  pieceBytes: number,
  ends: AbortSignal,
): AsyncGenerator<Uint8Array> {
  if (bytes === undefined) {
    await new Promise((resolve) => ends.addEventListener('abort', resolve, { once: true }));
    return;
  }
  for (let at = 0; at < bytes.length; at += pieceBytes) yield bytes.subarray(at, at + pieceBytes);
}

/** A few objects a list: a place in a list is as likely to be the list's own as an object's. */
const LISTS = RECORDED_WATCHES.map((plural) => {
  const list = recordedList(plural);
  return { ...list, items: recordedObjects(plural).slice(0, 3) };
});

const bodies: Mutator<Uint8Array> = oneOf(
  mapped(mutatedTrees(LISTS), (list) => Buffer.from(text(list))),
  mapped(mutatedTexts(LISTS.map(text)), (list) => Buffer.from(list)),
  mutatedBytes(LISTS.map((list) => Buffer.from(text(list)))),
);

const watches = mapped(
  oneOf(
    mapped(mutatedTrees(RECORDED_WATCHES.map(eventsOf)), (events) =>
      Array.isArray(events) ? events.map(text).join('\n') : text(events),
    ),
    mutatedTexts(RECORDED_WATCHES.map((plural) => eventsOf(plural).map(text).join('\n'))),
  ),
  (lines) => Buffer.from(`${lines}\n`),
);

function eventsOf(plural: string): readonly unknown[] {
  return recordedWatchLines(plural)
    .slice(0, 3)
    .map((line) => JSON.parse(line) as unknown);
}

describe('Bodies of an API server, through the client', () => {
  test('every list is a page of items with a version, or a KubeError', () =>
    checkReader({
      name: 'ApiClient.list',
      inputs: bodies,
      read: async (body) => {
        const page = await clientOf([body], 1000).list(PODS, {}, signal);
        assert.ok(Array.isArray(page.items));
        assert.equal(typeof page.resourceVersion, 'string');
        assert.notEqual(page.continueToken, '');
        assert.ok(['string', 'undefined'].includes(typeof page.continueToken));
      },
      refuses: isKubeError,
      share: 1500,
    }));

  test('every object is one, or a KubeError', () =>
    checkReader({
      name: 'ApiClient.get',
      inputs: bodies,
      read: async (body) => {
        const name = { namespace: 'default', name: 'web' };
        const object: unknown = await clientOf([body], 1000).get(PODS, name, signal);
        assert.ok(typeof object === 'object' && object !== null && !Array.isArray(object));
      },
      refuses: isKubeError,
      share: 500,
    }));

  test('whatever is listed and told, a reflector holds objects by their names and goes on', async () => {
    let held = 0;
    let failures = 0;
    await checkReader({
      name: 'runReflector',
      inputs: paired(bodies, watches),
      read: async ([list, watch]) => {
        const stop = new AbortController();
        const client = clientOf([list, watch], 1000);
        const store = new Store<string>(() => undefined);
        const failed = Promise.withResolvers();
        const log = new MemoryLogger();
        const random = (): number => 0;
        const clock = {
          ...createSystemClock(),
          sleep: (_ms: number, ends: AbortSignal) =>
            new Promise<'aborted'>((resolve) =>
              ends.addEventListener('abort', () => resolve('aborted'), { once: true }),
            ),
        };
        const project = (object: KubeObject): string =>
          `${objectKey(object)} ${String(object.kind)}`;
        const onError = (): void => {
          failures += 1;
          failed.resolve(undefined);
        };
        const options = { resource: PODS, project, sink: store, log, clock, random, onError };
        const run = runReflector(client, options, stop.signal);
        await Promise.race([failed.promise, run, idle()]);
        stop.abort();
        await run;
        held += store.items.size;
        for (const [key, value] of store.items) {
          assert.ok(typeof key === 'string' && key !== '', key);
          assert.ok(value.startsWith(`${key} `), `${key}: ${value}`);
        }
      },
      share: 500,
    });
    assert.ok(held > 200 && failures > 50, `${held} objects, ${failures} failures`);
  });
});

/** After everything that is under way without waiting for anybody. */
async function idle(): Promise<void> {
  for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}

/** JSON, or other text where a value is too deep for `JSON.stringify`. */
function text(value: unknown): string {
  try {
    const json = JSON.stringify(value) as string | undefined; // undefined has no JSON
    return json ?? '';
  } catch {
    return `{"metadata":{"resourceVersion":"1"},"items":${'['.repeat(10_000)}${']'.repeat(10_000)}}`;
  }
}
