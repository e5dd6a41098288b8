import { describe, expect, it } from 'vitest';

import {
  diskFormat,
  joinOptions,
  mkfsCommand,
  nfsFailure,
  nfsSource,
  resizeCommand,
} from '../../../src/disks/plan/file-systems.js';
import { assertAlone, assertReachable } from '../../../src/storage/plan/preflight.js';

const step = { operation: 'MountVolume', name: 'NodeAffinity check', volume: 'pv' } as const;
const of = (matchExpressions: { key: string; operator: string; values?: string[] }[]) => ({
  spec: { nodeAffinity: { required: { nodeSelectorTerms: [{ matchExpressions }] } } },
});

describe('node affinity of a PersistentVolume', () => {
  const inA = [{ key: 'zone', operator: 'In', values: ['a'] }];
  it('lets nodes with its labels through', () => {
    expect(() => assertReachable(of(inA), { zone: 'a' }, step)).not.toThrow();
    expect(() => assertReachable({}, {}, step)).not.toThrow();
  });
  it.each([
    ['other labels', inA, { zone: 'b' }],
    ['no labels', inA, {}],
    ['a term that asks for nothing', [], { zone: 'a' }],
  ])('holds back at %s', (_, expressions, labels) => {
    expect(() => assertReachable(of(expressions), labels as Record<string, string>, step)).toThrow(
      'no matching NodeSelectorTerms',
    );
  });
});

describe('a volume for one pod', () => {
  it('is refused to a second one', () => {
    expect(() => assertAlone(['ReadWriteOncePod'], ['u1'], 'u2')).toThrow(
      'volume uses the ReadWriteOncePod access mode and is already in use by another pod',
    );
  });
  it.each([
    ['the pod that has it', ['ReadWriteOncePod'], ['u1']],
    ['the first pod', ['ReadWriteOncePod'], []],
    ['several pods in another mode', ['ReadWriteOnce'], ['u2']],
    ['several pods in further modes', ['ReadWriteOncePod', 'ReadWriteOnce'], ['u2']],
  ])('is given to %s', (_, modes, users) => {
    expect(() => assertAlone(modes, users, 'u1')).not.toThrow();
  });
});

describe('commands of file systems', () => {
  it('have their options sorted, each once', () => {
    expect(joinOptions('ro', 'nolock', 'ro')).toEqual(['nolock', 'ro']);
  });
  it.each([
    [0, 'DEVNAME=/dev/sda\nTYPE=ext4\n', 'ext4'],
    [0, 'PTTYPE=gpt\n', 'unknown data, probably partitions'],
    [2, '', ''],
    [4, 'usage', undefined],
  ])('read blkid (exit %i, %j) as %j', (exitCode, output, format) => {
    expect(diskFormat(exitCode, output)).toBe(format);
  });
  it('make and grow file systems', () => {
    expect(mkfsCommand('ext4', '/dev/a')).toEqual(['mkfs.ext4', '-F', '-m0', '/dev/a']);
    expect(mkfsCommand('xfs', '/dev/a')).toEqual(['mkfs.xfs', '-f', '/dev/a']);
    const at = { device: '/dev/a', dir: '/d' };
    expect(resizeCommand('ext3', at)).toEqual(['resize2fs', '/dev/a']);
    expect(resizeCommand('xfs', at)).toEqual(['xfs_growfs', '-d', '/d']);
    expect(resizeCommand('btrfs', at)).toEqual(['btrfs', 'filesystem', 'resize', 'max', '/d']);
    expect(resizeCommand('', at)).toBeUndefined();
    expect(() => resizeCommand('vfat', at)).toThrow('resize of format vfat is not supported');
  });
  it('name an NFS server, and what a machine without NFS lacks', () => {
    expect(nfsSource('server', '/export')).toBe('server:/export');
    expect(nfsSource('fd00::1', '/export')).toBe('[fd00::1]:/export');
    expect(nfsFailure('you might need a /sbin/mount.nfs helper program.')).toContain(
      'install mount.nfs (package nfs-common or nfs-utils)',
    );
    expect(nfsFailure('mount.nfs: Connection refused')).toBe('mount.nfs: Connection refused');
  });
});
