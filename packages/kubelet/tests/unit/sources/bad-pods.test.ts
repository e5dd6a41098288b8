import type { Pod } from '@nodeagent/kube-client';
import { PODS } from '@nodeagent/kube-client';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { aPod } from '../../../src/testing/index.js';
import { Harness } from '../../support/pod-harness.js';

let harness: Harness;

beforeEach(() => {
  harness = new Harness();
});
afterEach(() => harness.stop());

const READ = 'nodeagent_object_failures_total{kind="Pod",step="read"}';
const HANDLE = 'nodeagent_object_failures_total{kind="Pod",step="handle"}';

function errors(): readonly (readonly [message: string, name: unknown])[] {
  const lines = harness.log.lines.filter(({ level }) => level === 'error');
  return lines.map(({ message, fields }) => {
    return [message, fields['name'] ?? (fields['pod'] as { name?: string } | undefined)?.name];
  });
}

function spoilt(name: string, spec: object): Pod {
  const pod = aPod({ metadata: { name, uid: `uid-${name}` } });
  return { ...pod, spec: { ...pod.spec, nodeName: 'n1', ...spec } } as Pod;
}

describe('a pod of the API that violates the API’s types', () => {
  it.each([
    ['containers that are text', { containers: 'app' }, 'spec.containers: expected array'],
    ['no containers', { containers: [] }, 'spec.containers: required'],
    ['a nameless container', { containers: [{ image: 'x' }] }, 'spec.containers.0.name: required'],
    ['numbers for names', { containers: [{ name: 7 }] }, 'spec.containers.0.name: expected string'],
    ['a volume that is a list', { volumes: [[]] }, 'spec.volumes.0: expected object'],
    [
      'a grace period with a fraction',
      { terminationGracePeriodSeconds: 0.5 },
      'spec.terminationGracePeriodSeconds: expected int',
    ],
  ])('with %s does not prevent others from running', async (_, spec, why) => {
    harness.api.seed(PODS, spoilt('bad', spec));
    harness.start();
    await harness.settle();
    await harness.create(aPod({ metadata: { name: 'good', uid: 'uid-good' } }));
    await harness.advance(1000);
    expect(harness.pod('good')?.status?.phase).toBe('Running');
    expect(errors()).toEqual([
      ['object cannot be used; its previous version stays in force', 'bad'],
    ]);
    expect(harness.metrics.values.get(READ)).toBe(1);
    expect(harness.events.lines).toContain(
      `Warning FailedToReadPod bad: The kubelet cannot use this pod: ${why}`,
    );
  });

  it('keeps running unchanged if a change makes it invalid', async () => {
    harness.start();
    await harness.settle();
    await harness.create(aPod());
    await harness.advance(1000);
    const running = harness.pod();
    expect(running?.status?.phase).toBe('Running');
    harness.api.seed(PODS, {
      ...running,
      spec: { nodeName: 'n1', containers: 7 },
    } as unknown as Pod);
    await harness.advance(120_000);
    expect(harness.calls().filter((call) => /stop|remove/i.test(call))).toEqual([]);
    expect(errors()).toEqual([
      ['object cannot be used; its previous version stays in force', 'web'],
    ]);
  });
});

describe('a pod on which our own code fails', () => {
  it('is refused if it cannot be judged, and others are not', async () => {
    harness.admission = {
      allocate: ({ metadata }) => {
        if (metadata?.name === 'bad') throw new TypeError('no such device');
        return undefined;
      },
    };
    harness.api.seed(PODS, spoilt('bad', {}));
    harness.start();
    await harness.settle();
    await harness.create(aPod({ metadata: { name: 'good', uid: 'uid-good' } }));
    await harness.advance(1000);
    expect(harness.pod('good')?.status?.phase).toBe('Running');
    expect(harness.pod('bad')?.status).toMatchObject({
      phase: 'Failed',
      reason: 'UnexpectedAdmissionError',
      message: 'Pod was rejected: The pod cannot be judged: no such device',
    });
    expect(errors()).toEqual([['pod cannot be judged', 'bad']]);
  });

  it('that cannot be accepted does not affect others, and is reported', async () => {
    harness.start();
    await harness.settle();
    const put = harness.workers.put.bind(harness.workers);
    harness.workers.put = (pod) => {
      if (pod.metadata?.name === 'bad') throw new TypeError('a bug');
      put(pod);
    };
    await harness.create(spoilt('bad', {}));
    await harness.create(aPod({ metadata: { name: 'good', uid: 'uid-good' } }));
    await harness.advance(1000);
    expect(harness.pod('good')?.status?.phase).toBe('Running');
    expect(errors()).toEqual([
      ['object cannot be used; its previous version stays in force', 'bad'],
    ]);
    expect(harness.metrics.values.get(HANDLE)).toBe(1);
    expect(harness.events.lines).toContain(
      'Warning FailedToTakeInPod bad: The kubelet cannot accept this pod: a bug',
    );
  });

  it('pauses its own worker, and no other worker', async () => {
    harness.start();
    await harness.settle();
    let isBroken = true;
    harness.random = () => {
      if (isBroken) throw new RangeError('a bug');
      return 0;
    };
    await harness.create(aPod());
    await harness.advance(1000);
    expect(errors()).toEqual([['worker of a pod broke', 'web']]);
    isBroken = false;
    await harness.create(aPod({ metadata: { name: 'good', uid: 'uid-good' } }));
    await harness.advance(1000);
    expect(harness.pod('good')?.status?.phase).toBe('Running');
    await harness.advance(10_000);
    expect(harness.pod()?.status?.phase).toBe('Running');
    expect(errors()).toHaveLength(1);
  });
});
