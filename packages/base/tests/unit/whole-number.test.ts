import { expect, it } from 'vitest';

import { wholeNumber } from '../../src/index.js';

it.each([
  ['42\n', 42],
  [' 7 kB', 7],
  ['18446744073709551615', 2 ** 64],
  ['-1', undefined],
  ['max', undefined],
  ['1.5', undefined],
  ['', undefined],
  ['9'.repeat(21), undefined],
])('of %j', (text, want) => expect(wholeNumber(text)).toBe(want));
