import { describe, expect, it } from 'vitest';

import type { VolumeCapability } from '../../src/index.js';
import { hostPathId, isHostPathId, parseHostPathVolume } from '../../src/model/hostpath-volume.js';
import { parseMounts } from '../../src/model/mount-entry.js';
import { withoutSecrets } from '../../src/model/secrets.js';
import { layoutOf, unsupportedMode } from '../../src/plan/hostpath.js';

const GIB = 2 ** 30;
const writer = { mode: 'single-node-writer' } as const;
const mounted = (fsType = ''): VolumeCapability => ({
  access: { kind: 'mount', value: { fsType, mountFlags: [], volumeMountGroup: '' } },
  accessMode: writer,
});
const block: VolumeCapability = { access: { kind: 'block', value: {} }, accessMode: writer };
const range = (requiredBytes: number, limitBytes = 0) => ({ requiredBytes, limitBytes });

describe(layoutOf, () => {
  it.each([
    ['a directory by default', [mounted()], undefined, {}, 'directory', '', GIB],
    ['a block device', [block], range(5), {}, 'block', '', 5],
    ['an image', [mounted()], range(5), { backing: 'image' }, 'image', 'ext4', 5],
    [
      'xfs by the capability',
      [mounted('xfs')],
      range(GIB),
      { backing: 'image' },
      'image',
      'xfs',
      GIB,
    ],
    [
      'xfs by the class',
      [mounted()],
      range(1),
      { backing: 'image', fsType: 'xfs' },
      'image',
      'xfs',
      300 * 2 ** 20,
    ],
    ['no more than the limit', [mounted()], range(0, 7), {}, 'directory', '', 7],
  ] as const)('%s', (_, capabilities, asked, parameters, backing, fsType, capacityBytes) => {
    expect(layoutOf(capabilities, asked, parameters)).toEqual({ backing, fsType, capacityBytes });
  });

  it.each([
    ['both kinds', [mounted(), block], undefined, {}, 'either a block device or a file system'],
    ['another backing', [mounted()], undefined, { backing: 'tape' }, 'not tape'],
    ['another file system', [mounted('ntfs')], undefined, { backing: 'image' }, 'not ntfs'],
    ['xfs within little', [mounted('xfs')], range(0, 5), { backing: 'image' }, 'xfs needs'],
  ] as const)('refuses %s', (_, capabilities, asked, parameters, message) => {
    expect(() => layoutOf(capabilities, asked, parameters)).toThrow(message);
  });
});

it('a host path is refused to several nodes', () => {
  expect(unsupportedMode(mounted())).toBeUndefined();
  const accessMode = { mode: 'multi-node-multi-writer' } as const;
  expect(unsupportedMode({ ...mounted(), accessMode })).toContain('one node only');
});

it('an id is the same for one name, and can be the name of a file', () => {
  expect(hostPathId('pvc-1')).toBe(hostPathId('pvc-1'));
  expect(hostPathId('../..')).toMatch(/^hp-[0-9a-f]{32}$/);
  expect(['a', 'csi-0f', 'a.b_c'].every(isHostPathId)).toBe(true);
  expect(['', '.', '..', '.a', 'a/b', 'a\0', 'x'.repeat(129)].some(isHostPathId)).toBe(false);
});

it.each([
  '{}',
  '[]',
  'null',
  '{"volumeId":"../x","name":"n","backing":"block","capacityBytes":1,"fsType":""}',
])('a file with %s is no volume', (text) => {
  expect(() => parseHostPathVolume(text)).toThrow('no volume');
});

it('mounts are read from mountinfo', () => {
  const text = [
    '43 27 7:0 / /mnt/a\\040b rw,relatime shared:1 - ext4 /dev/loop0 rw',
    '44 27 0:6 /loop0 /target ro - devtmpfs devtmpfs rw,size=1k',
    'nonsense',
    '',
  ].join('\n');
  expect(parseMounts(text)).toEqual([
    { path: '/mnt/a b', root: '/', fsType: 'ext4', source: '/dev/loop0', readonly: false },
    { path: '/target', root: '/loop0', fsType: 'devtmpfs', source: 'devtmpfs', readonly: true },
  ]);
});

it('secrets stay out of logs, their names do not', () => {
  expect(withoutSecrets({ volumeId: 'v', secrets: { key: 'hidden' } })).toEqual({
    volumeId: 'v',
    secrets: ['key'],
  });
  expect(withoutSecrets({ volumeId: 'v' })).toEqual({ volumeId: 'v' });
});
