import { describe, expect, it } from 'vitest';

import { aContainer, anObservation, aSandbox, exited } from '../../../src/testing/index.js';
import { planCleanup } from '../../../src/workers/plan/plan-cleanup.js';

const run = (id: string, state = exited(1), sandboxId = 'sandbox-0') =>
  aContainer({ id, state, sandboxId });
const created = { kind: 'created' } as const;

describe(planCleanup, () => {
  it.each([
    ['the newest ended run stays', [run('a2'), run('a1')], ['a1']],
    [
      'a running container does not protect the last ended run',
      [aContainer({ id: 'a3' }), run('a2'), run('a1')],
      ['a1'],
    ],
    [
      'a container that was replaced before it started is removed',
      [aContainer({ id: 'a2' }), run('a1', created)],
      ['a1'],
    ],
    ['the newest created container stays', [run('a2', created), run('a1')], []],
    ['runs of other containers do not matter', [run('a1'), aContainer({ name: 'b' })], []],
  ])('%s', (_, containers, want) => {
    const plan = planCleanup(anObservation([aSandbox()], containers));
    expect(plan.map((action) => ('id' in action ? action.id : action.kind))).toEqual(want);
  });

  it('more ended runs stay if they are to be kept, and never none', () => {
    const seen = anObservation([aSandbox()], [run('a3'), run('a2'), run('a1')]);
    const removed = (kept: number): readonly unknown[] =>
      planCleanup(seen, kept).map((action) => ('id' in action ? action.id : action.kind));
    expect([2, 0, -1].map(removed)).toEqual([['a1'], ['a2', 'a1'], ['a2', 'a1']]);
  });

  it('a lost sandbox is removed after its last container', () => {
    const sandboxes = [aSandbox({ id: 's1', attempt: 1 }), aSandbox({ id: 's0', ready: false })];
    const keeps = anObservation(sandboxes, [run('a1', exited(1), 's0')]);
    expect(planCleanup(keeps)).toEqual([]);
    const free = anObservation(sandboxes, [run('a2', exited(1), 's1'), run('a1', exited(1), 's0')]);
    expect(planCleanup(free).map(({ kind }) => kind)).toEqual([
      'remove-container',
      'remove-sandbox',
    ]);
  });
});
