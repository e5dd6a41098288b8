import { describe, expect, it } from 'vitest';

import { parseImageReference } from '../../../src/index.js';

const MEBIBYTE = 2 ** 20;

describe('a mebibyte is read at once', () => {
  it.each(['a', 'a-', 'a.', ':', '@', '/', '0'])('as an image name of %j', (unit) =>
    expect(parseImageReference(`${unit.repeat(MEBIBYTE / unit.length)}!`)).toBeUndefined(),
  );
});
