import { createDice } from '@nodeagent/testbed/chance';
import { describe, expect, it } from 'vitest';

import { type Due, DueQueue } from '../../src/model/due-queue.js';

describe(DueQueue, () => {
  it('returns items in order of time after puts, moves and removals', () => {
    const queue = new DueQueue<Due & { name: number }>();
    const items = Array.from({ length: 200 }, (_, name) => ({ name, dueMs: 0, slot: -1 }));
    const { below } = createDice(7);
    for (const item of items) queue.put(item, below(1000));
    for (const item of items) if (item.name % 3 === 0) queue.put(item, below(1000));
    for (const item of items) if (item.name % 5 === 0) queue.remove(item);
    queue.remove(items[0]!); // already removed
    const want = items.filter(({ name }) => name % 5 !== 0).map(({ dueMs }) => dueMs);
    const got: number[] = [];
    for (let next = queue.peek(); next !== undefined; next = queue.peek()) {
      got.push(next.dueMs);
      queue.remove(next);
    }
    expect(got).toEqual(want.sort((a, b) => a - b));
    expect(items.every(({ slot }) => slot === -1)).toBe(true);
  });
});
