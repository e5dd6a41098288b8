import { expect, test } from 'vitest';

import { countCpuList, parseMeminfo } from '../../src/codec/proc.js';

test.each(['8-2', '0-3,7-6', '9'.repeat(400), `0-${'9'.repeat(400)}`])(
  'a list of CPUs that counts down or never ends is refused: %.9s',
  (text) => {
    expect(countCpuList(text)).toBeUndefined();
  },
);

test('a meminfo figure too large for an exact number is left out', () => {
  const text = `MemTotal: ${'9'.repeat(400)} kB\nMemFree: 2 kB\n`;
  expect([...parseMeminfo(text)]).toEqual([['MemFree', 2048]]);
});
