import { type MountPoint, toPathSegment } from '@nodeagent/base';
import type { Pod } from '@nodeagent/kube-client';
import { describe, expect, it } from 'vitest';

import { toPodUid } from '../../../src/pod/index.js';
import type { Payload } from '../../../src/volumes/model/payload.js';
import { subPathTarget, volumeDirs, volumeHostPath } from '../../../src/volumes/model/pod-paths.js';
import { emptyDirMedium, tmpfsMedium } from '../../../src/volumes/plan/empty-dir.js';
import { keyPayload } from '../../../src/volumes/plan/key-payload.js';
import { otherMounts } from '../../../src/volumes/plan/mount-of.js';
import { usedVolumes } from '../../../src/volumes/plan/used-volumes.js';
import { visibleLinks } from '../../../src/volumes/plan/visible-links.js';

describe('paths', () => {
  it.each([
    [{ name: 'v', emptyDir: {} }, '/r/pods/u/volumes/kubernetes.io~empty-dir/v'],
    [{ name: 'v', configMap: {} }, '/r/pods/u/volumes/kubernetes.io~configmap/v'],
    [{ name: 'v', projected: {} }, '/r/volumes-in-memory/pods/u/kubernetes.io~projected/v'],
    [{ name: 'v', hostPath: { path: '/data' } }, '/data'],
    [{ name: 'v', nfs: { server: 's', path: '/' } }, undefined],
  ])('of %j', (volume, want) => expect(volumeHostPath('/r', toPodUid('u'), volume)).toBe(want));

  it.each([
    ['configMap', '/r/pods/u/volumes/kubernetes.io~configmap/v'],
    ['secret', '/r/pods/u/volumes/kubernetes.io~secret/v'],
    ['downwardAPI', '/r/pods/u/volumes/kubernetes.io~downward-api/v'],
    ['projected', '/r/pods/u/volumes/kubernetes.io~projected/v'],
  ] as const)('at which every kubelet shows a %s', (kind, visible) => {
    const volume = { kind, name: toPathSegment('v', 'name') };
    expect(volumeDirs('/r', toPodUid('u'), volume)).toMatchObject({ visible });
  });

  it('of a part of a volume', () => {
    const name = (text: string) => toPathSegment(text, 'name');
    const mount = { volume: name('v'), container: name('app'), index: 2 };
    expect(subPathTarget('/r', toPodUid('u'), mount)).toBe('/r/pods/u/volume-subpaths/v/app/2');
  });
});

describe(visibleLinks, () => {
  const dirs = { visible: '/r/pods/u/secret/v', content: '/r/memory/u/v' };
  const payload = (...paths: readonly string[]): Payload =>
    new Map(paths.map((path) => [path, { content: Buffer.from(''), mode: 0o644 }]));

  it('shows each name at the top once, however its path is written', () => {
    const links = visibleLinks(dirs, payload('a/b', './a//c', 'key'));
    expect([...links]).toEqual([
      ['..data', '../../../../memory/u/v/..data'],
      ['a', '..data/a'],
      ['key', '..data/key'],
    ]);
  });

  it('shows that an empty volume is there', () => {
    expect([...visibleLinks(dirs, payload()).keys()]).toEqual(['..data']);
  });
});

describe(keyPayload, () => {
  const data = new Map([
    ['a', Buffer.from('1')],
    ['b', Buffer.from('2')],
  ]);
  const rules = { defaultMode: 0o644, optional: false };

  it('selects every key without items', () => {
    expect(keyPayload(data, rules, 'secret').map(([path]) => path)).toEqual(['a', 'b']);
  });

  it('selects the listed keys, with their own path and mode', () => {
    const items = [{ key: 'b', path: 'dir/b', mode: 0o400 }];
    expect(keyPayload(data, { ...rules, items }, 'secret')).toEqual([
      ['dir/b', { content: Buffer.from('2'), mode: 0o400 }],
    ]);
  });

  it('refuses a missing key, unless it is optional', () => {
    const items = [{ key: 'x', path: 'x' }];
    expect(() => keyPayload(data, { ...rules, items }, 'configmap')).toThrow(
      'configmap references non-existent config key: x',
    );
    expect(keyPayload(data, { ...rules, items, optional: true }, 'secret')).toEqual([]);
  });

  it('is empty for a missing object', () => {
    expect(keyPayload(undefined, rules, 'secret')).toEqual([]);
  });
});

const withMemory = (...limits: readonly (string | undefined)[]): Pod => ({
  spec: {
    containers: limits.map((memory, i) => ({
      name: `c${i}`,
      ...(memory === undefined ? {} : { resources: { limits: { memory } } }),
    })),
  },
});

describe(tmpfsMedium, () => {
  const node = 8 * 2 ** 20;
  const cases: readonly (readonly [string, Pod, string | undefined, number | undefined, object])[] =
    [
      ['the size limit alone', withMemory(undefined), '1Mi', undefined, { sizeBytes: 2 ** 20 }],
      [
        'the memory limits together',
        withMemory('1Mi', '1Mi'),
        undefined,
        node,
        { sizeBytes: 2 ** 21 },
      ],
      ['the smaller of both', withMemory('4Mi'), '1Mi', node, { sizeBytes: 2 ** 20 }],
      [
        'that of the node if a container has no limit',
        withMemory('1Mi', undefined),
        '9Mi',
        node,
        { sizeBytes: node },
      ],
      ['unset if nothing is known', withMemory('1Mi', undefined), undefined, undefined, {}],
      ['not zero', withMemory(undefined), '0', node, { sizeBytes: node }],
    ];
  it.each(cases)('is %s', (_, pod, sizeLimit, nodeBytes, want) =>
    expect(tmpfsMedium(pod, sizeLimit, nodeBytes)).toEqual({ kind: 'tmpfs', ...want }),
  );
});

describe(emptyDirMedium, () => {
  const asking = (...names: readonly string[]): Pod => ({
    spec: {
      containers: names.map((name, i) => ({
        name: `c${i}`,
        resources: { limits: { [`hugepages-${name}`]: '4Mi' } },
      })),
    },
  });
  const of = (pod: Pod, medium: string) =>
    emptyDirMedium(pod, { name: 'v', emptyDir: { medium } }, undefined);

  it.each([
    ['', asking(), { kind: 'disk' }],
    ['Memory', asking(), { kind: 'tmpfs' }],
    ['HugePages', asking('2Mi'), { kind: 'hugepages', pageBytes: 2 ** 21 }],
    ['HugePages-1Gi', asking('2Mi', '1Gi'), { kind: 'hugepages', pageBytes: 2 ** 30 }],
  ])('medium %j', (medium, pod, want) => expect(of(pod, medium)).toEqual(want));

  it.each([
    ['HugePages', asking(), 'no container requests huge pages'],
    ['HugePages', asking('2Mi', '1Gi'), 'multiple huge page sizes'],
    ['HugePages-1Gi', asking('2Mi'), 'no container of the pod requests huge pages of this size'],
    ['HugePages-x', asking('2Mi'), 'no container of the pod requests huge pages of this size'],
    ['Floppy', asking(), 'medium Floppy is not supported'],
  ])('refuses medium %j', (medium, pod, message) => expect(() => of(pod, medium)).toThrow(message));
});

describe(usedVolumes, () => {
  it('omits volumes that no container mounts', () => {
    const pod: Pod = {
      spec: {
        volumes: [{ name: 'used' }, { name: 'init' }, { name: 'unused' }],
        initContainers: [{ name: 'i', volumeMounts: [{ name: 'init', mountPath: '/i' }] }],
        containers: [{ name: 'c', volumeMounts: [{ name: 'used', mountPath: '/u' }] }],
      },
    };
    expect(usedVolumes(pod).map(({ name }) => name)).toEqual(['used', 'init']);
  });
});

describe(otherMounts, () => {
  const STAGED = '/kubelet/plugins/kubernetes.io/csi/d/1/globalmount';
  const mount = (path: string, device: string, root: string): MountPoint => {
    return { path, device, root, fsType: 'ext4', options: [], isShared: true };
  };
  const own = mount('/kubelet', '8:1', '/var/kubelet');

  it.each<[string, readonly MountPoint[], readonly string[]]>([
    ['another mount of its device', [mount(STAGED, '7:0', '/'), mount('/m', '7:0', '/')], ['/m']],
    ['a bind mount of it', [own, mount('/m', '8:1', `/var${STAGED}`)], ['/m']],
    ['another device', [mount(STAGED, '7:0', '/'), mount('/m', '7:1', '/')], []],
    ['a part of its file system', [mount(STAGED, '7:0', '/'), mount('/m', '7:0', '/part')], []],
    [
      'another volume of the node',
      [mount(STAGED, '7:0', '/'), mount(STAGED.replace('1', '2'), '7:0', '/')],
      [],
    ],
    ['nothing', [], []],
  ])('of a volume that is staged, with %s', (_, mounts, expected) => {
    expect(otherMounts(mounts, STAGED)).toEqual(expected);
  });
});
