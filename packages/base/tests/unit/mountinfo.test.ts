import { describe, expect, it } from 'vitest';

import { parseMountinfo } from '../../src/index.js';

describe(parseMountinfo, () => {
  it('reads paths with blanks and skips what is no mount', () => {
    const text = [
      '36 35 98:0 / /mnt/a\\040b rw,noatime shared:1 - ext4 /dev/root rw',
      '37 36 0:40 / /run/x rw - tmpfs tmpfs rw,size=4k',
      'nonsense',
      '',
    ].join('\n');
    expect(parseMountinfo(text)).toEqual([
      {
        path: '/mnt/a b',
        device: '98:0',
        root: '/',
        fsType: 'ext4',
        options: ['rw'],
        isShared: true,
      },
      {
        path: '/run/x',
        device: '0:40',
        root: '/',
        fsType: 'tmpfs',
        options: ['rw', 'size=4k'],
        isShared: false,
      },
    ]);
  });
});
