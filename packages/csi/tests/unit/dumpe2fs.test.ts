import { expect, it } from 'vitest';

import { ext4Bytes } from '../../src/codec/dumpe2fs.js';

const TEXT = `Filesystem volume name:   <none>
Inode count:              4096
Block count:              16384
Reserved block count:     819
First block:              1
Block size:               1024
Fragment size:            1024
`;

it.each([
  ['a file system', TEXT, 16 * 2 ** 20],
  ['something else', 'dumpe2fs: Bad magic number in super-block', undefined],
  ['half of it', TEXT.slice(0, 60), undefined],
])('reads the size of %s', (_, text, want) => {
  expect(ext4Bytes(text)).toBe(want);
});
