import { KubeError, type Pod, PODS } from '@nodeagent/kube-client';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { aNode } from '../../../src/testing/index.js';
import { Harness } from '../../support/pod-harness.js';

const signal = new AbortController().signal;
const PATH = '/manifests/web.yaml';
const manifest = (image = 'app:1', spec: object = {}): object => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'web' },
  spec: { containers: [{ name: 'app', image }], ...spec },
});

let node: Harness;

beforeEach(() => {
  node = new Harness();
});
afterEach(() => node.stop());

const mirror = (): Pod | undefined => node.pod('web-n1');
const hash = (): string => mirror()?.metadata?.annotations?.['kubernetes.io/config.hash'] ?? '';

async function begin(): Promise<void> {
  node.start();
  await node.settle();
}

/** Longer than the delay that lets a program finish writing its file. */
const settleFiles = (): Promise<void> => node.advance(100);

describe('a static pod', () => {
  it('runs, and has a mirror pod of the node in the API', async () => {
    node.files.write(PATH, manifest());
    await begin();
    expect(node.calls()).toEqual(['create-sandbox 0', 'start app']);
    const { metadata, spec, status } = mirror() ?? {};
    expect(metadata?.annotations).toEqual({
      'kubernetes.io/config.hash': hash(),
      'kubernetes.io/config.mirror': hash(),
      'kubernetes.io/config.seen': '2026-01-01T00:00:00.000000000Z',
      'kubernetes.io/config.source': 'file',
    });
    expect(metadata?.ownerReferences).toEqual([
      { apiVersion: 'v1', kind: 'Node', name: 'n1', uid: 'node-uid', controller: true },
    ]);
    expect(metadata?.uid).not.toBe(hash());
    expect(spec?.tolerations).toEqual([{ operator: 'Exists', effect: 'NoExecute' }]);
    expect(status).toMatchObject({ phase: 'Running', containerStatuses: [{ ready: true }] });
  });

  it('gets its mirror with a status once the node is known', async () => {
    node.registered = undefined;
    node.files.write(PATH, manifest());
    await begin();
    expect(node.calls()).toEqual(['create-sandbox 0', 'start app']);
    expect(mirror()).toBeUndefined();
    node.registered = aNode();
    await node.advance(1000);
    expect(mirror()?.status?.phase).toBe('Running');
  });

  it('is not affected by the deletion of its mirror, which comes back', async () => {
    node.files.write(PATH, manifest());
    await begin();
    const before = mirror()?.metadata?.uid;
    node.calls();
    for (const grace of [undefined, 0]) {
      await node.delete('web-n1', grace);
      await node.advance(500);
      expect(mirror()?.status?.phase).toBe('Running');
    }
    expect(mirror()?.metadata?.uid).not.toBe(before);
    expect(node.calls()).toEqual([]);
  });

  it('ends when its file is removed, together with its mirror', async () => {
    node.files.write(PATH, manifest());
    await begin();
    node.calls();
    node.files.remove(PATH);
    await settleFiles();
    await node.advance(500);
    expect(node.calls()).toEqual([
      'stop app 30',
      'stop-sandbox sandbox-1',
      'remove app-2',
      'remove-sandbox sandbox-1',
    ]);
    expect(mirror()).toBeUndefined();
  });

  it('is replaced when its file changes: the new one starts when the old one has ended', async () => {
    node.files.write(PATH, manifest());
    await begin();
    const before = hash();
    node.calls();
    node.runtime.behaviour.set('app', { ignoresStop: true });
    node.files.write(PATH, manifest('app:2'));
    await settleFiles();
    await node.advance(10_000);
    expect(node.calls()).toEqual(['stop app 30']);
    expect(hash()).toBe(before);
    await node.advance(20_000);
    expect(node.calls().slice(-2)).toEqual(['create-sandbox 0', 'start app']);
    expect(hash()).not.toBe(before);
    expect(mirror()?.status?.phase).toBe('Running');
    expect(mirror()?.spec?.containers[0]?.image).toBe('app:2');
  });

  it('that changes twice while it ends starts once, in its last version', async () => {
    node.files.write(PATH, manifest());
    await begin();
    node.calls();
    node.runtime.behaviour.set('app', { ignoresStop: true });
    node.files.write(PATH, manifest('app:2'));
    await settleFiles();
    node.files.write(PATH, manifest('app:3'));
    await settleFiles();
    await node.advance(40_000);
    const starts = node.calls().filter((call) => call === 'start app');
    expect(starts).toHaveLength(1);
    expect(mirror()?.spec?.containers[0]?.image).toBe('app:3');
  });

  it('is the same after a restart of the kubelet', async () => {
    node.files.write(PATH, manifest());
    await begin();
    const before = mirror()?.metadata?.uid;
    node.calls();
    await node.restart();
    await node.advance(5000);
    expect(node.calls()).toEqual([]);
    expect(mirror()?.metadata?.uid).toBe(before);
    expect(mirror()?.status?.phase).toBe('Running');
  });

  it('whose file was removed while the kubelet was down ends, together with its mirror', async () => {
    node.files.write(PATH, manifest());
    await begin();
    node.calls();
    await node.stop();
    node.files.remove(PATH);
    await begin();
    await node.advance(5000);
    expect(node.calls()).toContain('stop app 1');
    expect(mirror()).toBeUndefined();
  });

  it('that the node refuses never starts, and its mirror shows the reason', async () => {
    node.files.write(PATH, manifest('app:1', { nodeSelector: { disk: 'ssd' } }));
    await begin();
    await node.advance(500);
    expect(node.calls()).toEqual([]);
    expect(mirror()?.status).toMatchObject({ phase: 'Failed', reason: 'NodeAffinity' });
  });

  it('runs while the API fails, and gets its mirror when it is back', async () => {
    node.api.onCall = () => {
      throw new KubeError('KUBE_UNAVAILABLE', 'the API is away');
    };
    node.files.write(PATH, manifest());
    await begin();
    expect(node.calls()).toEqual(['create-sandbox 0', 'start app']);
    expect(mirror()).toBeUndefined();
    node.api.onCall = undefined;
    await node.advance(60_000);
    expect(mirror()?.status?.phase).toBe('Running');
  });

  it('is independent of other pods of the API', async () => {
    await node.api.create(
      PODS,
      { ...(manifest() as Pod), metadata: { name: 'x', namespace: 'default' } },
      signal,
    );
    await begin();
    await node.advance(2000);
    expect(node.pod('x')).toBeDefined();
  });
});

describe('a manifest', () => {
  const logged = () =>
    node.log.lines.filter(({ message }) => message === 'static pod manifest not used');

  it('that is invalid does not prevent others from running, and is logged once', async () => {
    node.files.write('/manifests/a.yaml', 'kind: {');
    node.files.write('/manifests/b.yaml', new Error('no permission'));
    node.files.write('/manifests/c.yaml', manifest('app:1', { serviceAccountName: 's' }));
    node.files.write(PATH, manifest());
    await begin();
    await node.advance(60_000);
    expect(node.calls()).toEqual(['create-sandbox 0', 'start app']);
    expect(logged()).toHaveLength(3);
  });

  it('that becomes invalid keeps its pod until the next full read', async () => {
    node.files.write(PATH, manifest());
    await begin();
    node.calls();
    node.files.write(PATH, 'kind: {');
    await settleFiles();
    expect(node.calls()).toEqual([]);
    await node.advance(20_000);
    expect(node.calls()).toContain('stop app 30');
  });

  it('is found without a reported change', async () => {
    await begin();
    node.files.write(PATH, manifest(), true);
    await node.advance(10_000);
    expect(node.calls()).toEqual([]);
    await node.advance(10_000);
    expect(node.calls()).toEqual(['create-sandbox 0', 'start app']);
  });

  it('with the same pod name as another: the last in order counts', async () => {
    node.files.write('/manifests/1.yaml', manifest('app:1'));
    node.files.write('/manifests/2.yaml', manifest('app:2'));
    await begin();
    expect(mirror()?.spec?.containers[0]?.image).toBe('app:2');
    expect(node.calls()).toEqual(['create-sandbox 0', 'start app']);
  });

  it('that is the only one keeps its pod when it becomes invalid, and loses it when it is removed', async () => {
    node.files.kind = 'file';
    node.files.write(PATH, manifest());
    await begin();
    node.calls();
    node.files.write(PATH, 'kind: {');
    await node.advance(60_000);
    expect(node.calls()).toEqual([]);
    node.files.kind = undefined;
    await node.advance(20_000);
    expect(node.calls()).toContain('stop app 30');
  });
});
