import { expect, it } from 'vitest';

import { createTurns } from '../../src/index.js';
import { MemoryIptables } from '../../src/testing/index.js';

const never = new AbortController().signal;

it('commands of one handle wait for those of another, even if they fail', async () => {
  const takeTurns = createTurns();
  const order: string[] = [];
  const handle = (name: string, outcome: 'works' | 'fails') => {
    const save = async (): Promise<string> => {
      order.push(`${name} begins`);
      await new Promise((resolve) => setImmediate(resolve));
      order.push(`${name} ends`);
      if (outcome === 'fails') throw new Error(name);
      return name;
    };
    return takeTurns(Object.assign(new MemoryIptables('IPv4'), { save }));
  };
  const [first, second] = [handle('first', 'fails'), handle('second', 'works')];
  const outcomes = await Promise.allSettled([first.save('nat', never), second.save('nat', never)]);
  expect(order).toEqual(['first begins', 'first ends', 'second begins', 'second ends']);
  expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'fulfilled']);
});
