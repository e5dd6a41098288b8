import { KubeError, type Pod } from '@nodeagent/kube-client';
import { describe, expect, it } from 'vitest';

import { aPod } from '../../../src/testing/index.js';
import { Harness } from '../../support/pod-harness.js';

const signal = new AbortController().signal;
const pod: Pod = aPod({
  initContainers: [{ name: 'init' }, { name: 'side', restartPolicy: 'Always' }],
  containers: [{ name: 'a' }, { name: 'b' }],
});

/** Kills the kubelet just before its `at`th call to the runtime, or write to the API. */
class Assassin {
  readonly #node: Harness;
  readonly #at: number;
  #calls = 0;
  #death: Promise<void> | undefined;

  constructor(node: Harness, at: number) {
    this.#node = node;
    this.#at = at;
    node.runtime.onCall = async (_verb, _subject, inner) => {
      if (!this.#strikes()) return;
      if (!inner.aborted) await new Promise((resolve) => inner.addEventListener('abort', resolve));
    };
    node.api.onCall = ({ verb, body }) => {
      const isLast =
        (body as { gracePeriodSeconds?: number } | undefined)?.gracePeriodSeconds === 0;
      const isOurs = verb === 'patch' || (verb === 'delete' && isLast);
      if (isOurs && this.#strikes()) throw new KubeError('KUBE_UNAVAILABLE', 'nobody is there');
    };
  }

  /**
   * The next kubelet starts, and runs undisturbed.
   *
   * @returns true if the first one was killed
   */
  async resurrect(): Promise<boolean> {
    this.#node.runtime.onCall = undefined;
    this.#node.api.onCall = undefined;
    if (this.#death === undefined) return false;
    await this.#death;
    this.#node.start();
    await this.#node.settle();
    await this.#node.advance(120_000);
    return true;
  }

  #strikes(): boolean {
    this.#calls += 1;
    if (this.#calls < this.#at) return false;
    this.#death ??= this.#node.stop();
    return true;
  }
}

async function aNode(): Promise<Harness> {
  const node = new Harness();
  node.runtime.behaviour.set('init', { exitsAtOnceWith: 0 });
  node.start();
  await node.settle();
  return node;
}

/** Kills at the first call, then at the second, … until no call is left. */
async function atEachCall(
  act: (node: Harness, arm: () => void) => Promise<void>,
  check: (node: Harness, at: number) => Promise<void>,
): Promise<number> {
  for (let at = 1; ; at += 1) {
    const node = await aNode();
    let assassin: Assassin | undefined;
    await act(node, () => {
      assassin = new Assassin(node, at);
    });
    const killed = (await assassin?.resurrect()) === true;
    await check(node, at);
    await node.stop();
    if (!killed) return at - 1;
  }
}

describe('a kubelet that is killed at any of its calls', () => {
  it('while it starts a pod: the next one completes it, without duplicates', async () => {
    const kills = await atEachCall(
      async (node, arm) => {
        arm();
        await node.create(pod);
        await node.advance(2000);
      },
      async (node, at) => {
        const { sandboxes, containers } = await node.runtime.observe(node.uid(), signal);
        const running = containers.filter(({ state }) => state.kind === 'running');
        expect
          .soft(running.map(({ name }) => name).sort(), `at call ${at}`)
          .toEqual(['a', 'b', 'side']);
        expect
          .soft(
            sandboxes.filter(({ ready }) => ready),
            `at call ${at}`,
          )
          .toHaveLength(1);
        expect.soft(node.status().phase, `at call ${at}`).toBe('Running');
        expect.soft(node.condition('Ready'), `at call ${at}`).toBe('True');
        const restarts = node.status().containerStatuses?.map(({ restartCount }) => restartCount);
        expect.soft(restarts, `at call ${at}`).toEqual([0, 0]);
      },
    );
    expect(kills).toBeGreaterThan(8);
  });

  it('while it ends a pod: the next one ends it completely', async () => {
    const kills = await atEachCall(
      async (node, arm) => {
        await node.create(pod);
        await node.advance(2000);
        arm();
        await node.delete();
        await node.advance(2000);
      },
      async (node, at) => {
        expect.soft(node.pod(), `at call ${at}`).toBeUndefined();
        expect.soft(await node.runtime.listPods(signal), `at call ${at}`).toEqual([]);
        expect.soft(await node.volumes.podsOnDisk(signal), `at call ${at}`).toEqual([]);
      },
    );
    expect(kills).toBeGreaterThan(8);
  });

  it('while it replaces a static pod: in the end only the new one runs', async () => {
    const manifest = (image: string) => ({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'web' },
      spec: { containers: [{ name: 'app', image }] },
    });
    const kills = await atEachCall(
      async (node, arm) => {
        node.files.write('/manifests/web.yaml', manifest('app:1'));
        await node.advance(100);
        arm();
        node.files.write('/manifests/web.yaml', manifest('app:2'));
        await node.advance(2000);
      },
      async (node, at) => {
        const pods = await node.runtime.listPods(signal);
        expect
          .soft(
            pods.map(({ name }) => name),
            `at call ${at}`,
          )
          .toEqual(['web-n1']);
        const { containers } = await node.runtime.observe(pods[0]?.uid ?? '', signal);
        const running = containers.filter(({ state }) => state.kind === 'running');
        expect
          .soft(
            running.map(({ image }) => image),
            `at call ${at}`,
          )
          .toEqual(['app:2']);
        expect.soft(node.status('web-n1').phase, `at call ${at}`).toBe('Running');
      },
    );
    expect(kills).toBeGreaterThan(5);
  });
});
