import { ManualClock, MemoryLogger } from '@nodeagent/base/testing';
import type { Pod } from '@nodeagent/kube-client';
import { beforeEach, describe, expect, it } from 'vitest';

import type { PodSource } from '../../../src/pod/index.js';
import { DesiredPods } from '../../../src/sources/run/index.js';
import { aPod } from '../../../src/testing/index.js';

const source = (name: PodSource['name']): PodSource => ({ name, run: async () => undefined });

let told: string[];
let annotations: Record<string, string> | undefined;
let desired: DesiredPods;
let log: MemoryLogger;
let refused: (readonly [name: string | undefined, reason: string])[];

beforeEach(() => {
  told = [];
  log = new MemoryLogger();
  refused = [];
  const sink = {
    put: (pod: Pod) => {
      told.push(`put ${pod.metadata?.uid}`);
      annotations = pod.metadata?.annotations;
    },
    remove: (uid: string, grace: number | undefined) => told.push(`remove ${uid} ${grace}`),
  };
  const clock = new ManualClock();
  desired = new DesiredPods([source('api'), source('file')], sink, {
    clock,
    log,
    onRefused: (pod, reason) => refused.push([pod.metadata?.name, reason]),
    mirrors: {
      put: (mirror) => told.push(`mirror ${mirror.metadata?.uid}`),
      remove: (mirror) => told.push(`mirror ${mirror.metadata?.uid} gone`),
    },
  });
});

describe(DesiredPods, () => {
  it('is synced when every source has delivered its first set, even an empty one', () => {
    desired.sinkFor('api').replace(new Map());
    expect(desired.synced).toBe(false);
    desired.sinkFor('file').replace(new Map());
    expect(desired.synced).toBe(true);
  });

  it('delivers the oldest pods first', () => {
    const at = (uid: string, creationTimestamp: string): [string, Pod] => [
      uid,
      aPod({ metadata: { uid, creationTimestamp } }),
    ];
    const young = at('young', '2026-02-01T00:00:00Z');
    desired.sinkFor('api').replace(new Map([young, at('old', '2026-01-01T00:00:00Z')]));
    expect(told).toEqual(['put old', 'put young']);
  });

  it('delivers pods that a kubelet had started before others, however young', () => {
    const of = (uid: string, creationTimestamp: string, status: Pod['status']): [string, Pod] => [
      uid,
      aPod({ metadata: { uid, creationTimestamp }, ...(status && { status }) }),
    ];
    const containerStatuses = [
      { name: 'app', image: 'app:1', imageID: '', ready: true, restartCount: 0 },
    ];
    const begun = { phase: 'Running', containerStatuses };
    desired
      .sinkFor('api')
      .replace(
        new Map([
          of('old', '2026-01-01T00:00:00Z', { phase: 'Pending' }),
          of('begun', '2026-02-01T00:00:00Z', begun),
        ]),
      );
    expect(told).toEqual(['put begun', 'put old']);
  });

  it('removes pods that a source no longer has, and none of other sources', () => {
    const api = desired.sinkFor('api');
    const file = desired.sinkFor('file');
    api.upsert('a', aPod({ uid: 'a' }));
    file.upsert('f', aPod({ uid: 'f' }));
    api.replace(new Map());
    expect(told.slice(2)).toEqual(['remove a 1']);
    file.remove('f');
    expect(told.slice(3)).toEqual(['remove f undefined']);
  });

  it('treats another uid under the same name as another pod', () => {
    const api = desired.sinkFor('api');
    api.upsert('default/web', aPod({ uid: 'one' }));
    api.upsert('default/web', aPod({ uid: 'two' }));
    expect(told).toEqual(['put one', 'remove one 1', 'put two']);
  });

  it('does not run mirror pods', () => {
    const api = desired.sinkFor('api');
    const annotations = { 'kubernetes.io/config.mirror': 'hash' };
    api.upsert('default/web', aPod({ metadata: { uid: 'm', annotations } }));
    expect(desired.pods()).toEqual([]);
    api.remove('default/web');
    expect(told).toEqual(['mirror m', 'mirror m gone']);
  });

  it('records the source of a pod and the time it was first seen', () => {
    const api = desired.sinkFor('api');
    api.upsert('default/web', aPod());
    expect(annotations).toEqual({
      'kubernetes.io/config.source': 'api',
      'kubernetes.io/config.seen': '2026-01-01T00:00:00.000000000Z',
    });
  });

  it('refuses a pod with a name that leaves its directory, and reports that once', () => {
    const sink = desired.sinkFor('api');
    const bad = aPod({ metadata: { name: 'bad', uid: '..' } });
    sink.replace(new Map([['default/bad', bad]]));
    sink.upsert('default/bad', bad);
    expect(told).toEqual([]);
    expect(desired.pods()).toEqual([]);
    expect(refused).toEqual([['bad', "metadata.uid: must not be '..'"]]);
    const said = log.lines.filter(({ message }) => message.startsWith('pod refused'));
    expect(said).toHaveLength(1);
    sink.remove('default/bad');
    expect(told).toEqual([]);
  });

  it('keeps an accepted pod when its next version is refused', () => {
    const sink = desired.sinkFor('api');
    sink.upsert('default/web', aPod({ metadata: { name: 'web', uid: 'u1' } }));
    const web = { name: 'web', uid: 'u1', containers: [{ name: '../..' }] };
    sink.upsert('default/web', aPod(web));
    expect(told).toEqual(['put u1']);
    expect(desired.pods()).toHaveLength(1);
  });
});
