import { ManualClock, MemoryLogger } from '@nodeagent/base/testing';
import type { Pod } from '@nodeagent/kube-client';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import type { ManifestUrl } from '../../../src/pod/index.js';
import { createHttpSource } from '../../../src/sources/run/index.js';
import { MemoryPodEvents } from '../../../src/testing/index.js';

const aManifest = (name: string, image = 'app:1') => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name },
  spec: { containers: [{ name: 'app', image }] },
});
const list = (...items: object[]) => JSON.stringify({ apiVersion: 'v1', kind: 'PodList', items });

let clock: ManualClock;
let log: MemoryLogger;
let events: MemoryPodEvents;
let answer: Awaited<ReturnType<ManifestUrl['fetch']>> | Error;
/** Names and images of each delivered set. */
let told: string[][];
let end: AbortController;
let run: Promise<void>;

async function settle(): Promise<void> {
  for (let turn = 0; turn < 10; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}

async function serve(body: string, httpStatus = 200): Promise<void> {
  answer = { httpStatus, body };
  await clock.advance(20_000);
  await settle();
}

beforeEach(async () => {
  clock = new ManualClock();
  log = new MemoryLogger();
  events = new MemoryPodEvents();
  told = [];
  end = new AbortController();
  answer = { httpStatus: 200, body: JSON.stringify(aManifest('web')) };
  const manifest: ManifestUrl = {
    url: 'http://config.test/pods',
    fetch: async () => {
      if (answer instanceof Error) throw answer;
      return answer;
    },
  };
  const options = { manifest, nodeName: 'n1', checkMs: 20_000, events, clock, log };
  const replace = (pods: ReadonlyMap<string, Pod>): void => {
    told.push([...pods].map(([name, pod]) => `${name} ${pod.spec?.containers[0]?.image}`));
  };
  const ignore = () => undefined;
  run = createHttpSource(options).run({ replace, upsert: ignore, remove: ignore }, end.signal);
  await settle();
});

afterEach(async () => {
  end.abort(new Error('the test is over'));
  await run;
});

describe(createHttpSource, () => {
  it('delivers a pod at once, and then only changes', async () => {
    expect(told).toEqual([['web-n1_default app:1']]);
    await serve(JSON.stringify(aManifest('web')));
    expect(told).toHaveLength(1);
    await serve(list(aManifest('web', 'app:2'), aManifest('db')));
    expect(told.at(-1)).toEqual(['web-n1_default app:2', 'db-n1_default app:1']);
  });

  it.each([
    ['another status', '[]', 404],
    ['an object that is not a pod', '{"kind":"Service","apiVersion":"v1"}', 200],
    ['a list with one bad pod', list(aManifest('a'), aManifest('')), 200],
    ['malformed text', '{', 200],
  ])('changes nothing on %s', async (_, body, httpStatus) => {
    await serve(body, httpStatus);
    await serve(body, httpStatus);
    expect(told).toHaveLength(1);
    expect(log.lines.filter(({ level }) => level === 'warn')).toHaveLength(1);
  });

  it('changes nothing while there is no response', async () => {
    answer = new Error('connection refused');
    await clock.advance(60_000);
    await settle();
    expect(told).toHaveLength(1);
  });

  it('removes all pods on an empty response, and adds them again afterwards', async () => {
    await serve('');
    expect(told.at(-1)).toEqual([]);
    await serve(JSON.stringify(aManifest('web')));
    expect(told.at(-1)).toEqual(['web-n1_default app:1']);
  });

  it('uses the first of two pods of one name, with an event for the other', async () => {
    await serve(list(aManifest('web', 'app:1'), aManifest('web', 'app:2')));
    expect(told.at(-1)).toEqual(['web-n1_default app:1']);
    expect(events.lines).toHaveLength(1);
    expect(events.lines[0]).toMatch(
      /^Warning FailedValidation web-n1: Error validating pod web-n1_default\([0-9a-f]{32}\) from http due to duplicate pod name "web-n1", ignoring$/,
    );
  });
});
