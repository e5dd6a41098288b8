import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { MemoryMetrics } from '@nodeagent/base/testing';
import type { Pod } from '@nodeagent/kube-client';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { readContainerLabels } from '../../../src/selinux/adapters/container-labels.js';
import type { ContainerLabels, LabelledVolume } from '../../../src/selinux/index.js';
import { contextOption } from '../../../src/selinux/index.js';
import { VolumeLabels } from '../../../src/selinux/run/index.js';

/** As Fedora's policy has them. */
const POLICY: ContainerLabels = {
  process: 'system_u:system_r:container_t:s0',
  file: 'system_u:object_r:container_file_t:s0',
};
const LEVEL = 's0:c10,c20';
const LABEL = `system_u:object_r:container_file_t:${LEVEL}`;
const OTHER = 'system_u:object_r:container_file_t:s0:c1,c2';

type Security = NonNullable<NonNullable<Pod['spec']>['securityContext']>;
type Options = Security['seLinuxOptions'];

/** A pod whose containers, each with its own options, have the volume `data`. */
function aPod(
  uid: string,
  ofPod: Security,
  containers: readonly (Options | undefined)[] = [undefined],
): Pod {
  return {
    metadata: { uid, name: uid, namespace: 'ns' },
    spec: {
      securityContext: ofPod,
      containers: containers.map((seLinuxOptions, at) => ({
        name: `c${at}`,
        volumeMounts: [{ name: 'data', mountPath: '/data' }],
        ...(seLinuxOptions !== undefined && { securityContext: { seLinuxOptions } }),
      })),
    },
  };
}

const atLevel = (uid: string, level = LEVEL): Pod => aPod(uid, { seLinuxOptions: { level } });

function volumeOf(pod: Pod, change: Partial<LabelledVolume> = {}): LabelledVolume {
  return {
    ...{ pod, name: 'data', uniqueName: 'kubernetes.io/csi/d^h', specName: 'pv' },
    ...{ plugin: 'kubernetes.io/csi/d', accessModes: ['ReadWriteOncePod'], mountsWithLabel: true },
    isMounted: false,
    ...change,
  };
}

function labelsOf(change: Partial<ConstructorParameters<typeof VolumeLabels>[0]> = {}) {
  const metrics = new MemoryMetrics();
  const labels = new VolumeLabels({ policy: POLICY, everyMode: false, metrics, ...change });
  return { labels, metrics };
}

const shared = { accessModes: ['ReadWriteMany'] };

describe('the label of a mount', () => {
  it.each([
    ['only a level', { level: LEVEL }, LABEL],
    [
      'a user and a level',
      { user: 'me_u', level: LEVEL },
      `me_u:object_r:container_file_t:${LEVEL}`,
    ],
    ['a role and a type, which processes have', { role: 'r', type: 't', level: LEVEL }, LABEL],
    ['no level: only the runtime knows it', { type: 'container_t' }, ''],
    ['nothing', {}, ''],
  ])('of a pod with %s', (_, seLinuxOptions, expected) => {
    const { labels } = labelsOf();
    expect(labels.admit(volumeOf(aPod('u1', { seLinuxOptions })))).toBe(expected);
  });

  it('of a policy without levels has none', () => {
    const policy = { process: 'u:r:t', file: 'u:object_r:f' };
    const { labels } = labelsOf({ policy });
    const pod = aPod('u1', { seLinuxOptions: { type: 'x' } });
    expect(labels.admit(volumeOf(pod))).toBe('u:object_r:f');
  });

  it('is that of the containers, before that of the pod, and of those only that have the volume', () => {
    const { labels } = labelsOf();
    const pod = aPod('u1', { seLinuxOptions: { level: 's0:c1' } }, [{ level: LEVEL }]);
    const [container] = pod.spec!.containers;
    const idle = { name: 'idle', securityContext: { seLinuxOptions: { level: 's0:c3' } } };
    const both = { ...pod, spec: { ...pod.spec!, containers: [container!, idle] } };
    expect(labels.admit(volumeOf(both))).toBe(LABEL);
  });

  it.each([
    ['of a pod that chose Recursive', {}, { seLinuxChangePolicy: 'Recursive' }],
    ['of a driver that does not mount with labels', { mountsWithLabel: false }, {}],
    ['of a volume for several pods', shared, {}],
    ['of a volume with other modes too', { accessModes: ['ReadWriteOncePod', 'ReadOnlyMany'] }, {}],
    ['of a volume without a PersistentVolume', { accessModes: undefined }, {}],
  ])('is none: %s', (_, change, security) => {
    const { labels } = labelsOf();
    const pod = aPod('u1', { seLinuxOptions: { level: LEVEL }, ...security });
    expect(labels.admit(volumeOf(pod, change))).toBe('');
  });

  it('is none on a machine without SELinux, whatever pods ask for', () => {
    const { labels, metrics } = labelsOf({ policy: undefined });
    expect(labels.isOn).toBe(false);
    const pod = aPod('u1', {}, [{ level: LEVEL }, { level: 's0:c1' }]);
    expect(labels.admit(volumeOf(pod))).toBe('');
    expect([...metrics.values.keys()]).toEqual([]);
  });

  it('is for volumes of every mode with the feature gate SELinuxMount', () => {
    const { labels } = labelsOf({ everyMode: true });
    expect(labels.admit(volumeOf(atLevel('u1'), shared))).toBe(LABEL);
    const inline = { uniqueName: 'inline', accessModes: undefined };
    expect(labels.admit(volumeOf(atLevel('u1'), inline))).toBe('');
  });

  it('is quoted, for it has commas', () => {
    expect(contextOption(LABEL)).toBe(`context="${LABEL}"`);
  });
});

const PREFIX = 'volume_manager_selinux_';
const WITH_PLUGIN = 'volume_plugin="kubernetes.io/csi/d"';

describe('labels that differ', () => {
  it('in one pod keep it from a volume for one pod', () => {
    const { labels, metrics } = labelsOf();
    const pod = aPod('u1', {}, [{ level: LEVEL }, { level: 's0:c1,c2' }]);
    const message = `multiple SELinux labels found: ${OTHER},${LABEL}`;
    expect(() => labels.admit(volumeOf(pod))).toThrow(message);
    expect(() => labels.admit(volumeOf(pod))).toThrow(message);
    expect(figures(metrics)).toEqual({ 'pod_context_mismatch_errors_total RWOP': 2 });
  });

  it('in one pod are counted once for any other volume, which has none', () => {
    const { labels, metrics } = labelsOf();
    const pod = aPod('u1', {}, [{ level: LEVEL }, { level: 's0:c1,c2' }]);
    for (const change of [shared, { ...shared, mountsWithLabel: false, uniqueName: 'x' }]) {
      expect(labels.admit(volumeOf(pod, change))).toBe('');
      expect(labels.admit(volumeOf(pod, change))).toBe('');
    }
    expect(figures(metrics)).toEqual({ 'pod_context_mismatch_warnings_total RWX': 2 });
  });

  it('between two pods keep the second from the volume, until the first is gone', () => {
    const { labels, metrics } = labelsOf({ everyMode: true });
    expect(labels.admit(volumeOf(atLevel('u1'), shared))).toBe(LABEL);
    const second = volumeOf(atLevel('u2', 's0:c1,c2'), shared);
    const message = `conflicting SELinux labels of volume pv: "${LABEL}" and "${OTHER}"`;
    expect(() => labels.admit(second)).toThrow(message);
    expect(labels.admit(volumeOf(atLevel('u3'), shared))).toBe(LABEL);
    expect(figures(metrics)).toEqual({
      'volumes_admitted_total RWX': 1,
      'volume_context_mismatch_errors_total RWX': 1,
    });
    labels.forget('u1');
    expect(() => labels.admit(second)).toThrow(message);
    labels.forget('u3');
    expect(labels.admit(second)).toBe(OTHER);
  });

  it('do not take a volume from a pod that has it already', () => {
    const { labels, metrics } = labelsOf();
    const isMounted = true;
    expect(labels.admit(volumeOf(atLevel('u1')))).toBe(LABEL);
    labels.admit(volumeOf(atLevel('u2', 's0:c1,c2'), { isMounted }));
    const both = aPod('u3', {}, [{ level: LEVEL }, { level: 's0:c1,c2' }]);
    labels.admit(volumeOf(both, { isMounted, uniqueName: 'other' }));
    expect(figures(metrics)).toEqual({ 'volumes_admitted_total RWOP': 1 });
    labels.forget('u1');
    const why = 'conflicting SELinux labels of volume pv';
    expect(() => labels.admit(volumeOf(atLevel('u4', 's0:c1,c2')))).toThrow(why);
  });

  it('between two pods are only counted where volumes have no label', () => {
    const { labels, metrics } = labelsOf();
    expect(labels.admit(volumeOf(atLevel('u1'), shared))).toBe('');
    const second = volumeOf(atLevel('u2', 's0:c1,c2'), shared);
    expect(labels.admit(second)).toBe('');
    expect(labels.admit(second)).toBe('');
    expect(figures(metrics)).toEqual({
      'volumes_admitted_total RWX': 1,
      'volume_context_mismatch_warnings_total RWX': 1,
    });
  });

  it.each([
    [{ accessModes: ['ReadWriteOncePod'] }, 'container_errors_total RWOP'],
    [{ accessModes: ['ReadWriteOnce'] }, 'container_warnings_total RWO'],
    [{ accessModes: undefined }, 'container_warnings_total inline'],
  ])('from a policy that cannot be read: %j', (change, figure) => {
    const { labels, metrics } = labelsOf({ policy: { process: 'broken', file: POLICY.file } });
    const attempt = (): string => labels.admit(volumeOf(atLevel('u1'), change));
    if (figure.includes('errors')) {
      expect(attempt).toThrow('failed to construct SELinux label from context {"level"');
    } else {
      expect(attempt()).toBe('');
    }
    expect(figures(metrics)).toEqual({ [figure]: 1 });
  });
});

/** Figures that are not zero, by their names without the prefix and their access modes. */
function figures(metrics: MemoryMetrics): Readonly<Record<string, number>> {
  return Object.fromEntries(
    [...metrics.values].map(([key, value]) => {
      expect(key.startsWith(PREFIX)).toBe(true);
      expect(key.includes(WITH_PLUGIN)).toBe(/volume_context|admitted/.test(key));
      const mode = /access_mode="(\w*)"/.exec(key)?.[1];
      return [`${key.slice(PREFIX.length, key.indexOf('{'))} ${mode}`, value];
    }),
  );
}

describe(readContainerLabels, () => {
  let root = '';
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'selinux-'));
  });
  afterEach(() => rm(root, { recursive: true }));

  async function file(path: string, text: string): Promise<void> {
    await mkdir(join(root, path, '..'), { recursive: true });
    await writeFile(join(root, path), text);
  }

  it('finds nothing on a machine whose kernel has SELinux off', async () => {
    await file('etc/selinux/targeted/contexts/lxc_contexts', 'process = "a:b:c:s0"\n');
    expect(await readContainerLabels(root)).toBeUndefined();
  });

  it('finds nothing until the kernel has a policy', async () => {
    await file('sys/fs/selinux/enforce', '0');
    await file('proc/self/attr/current', 'kernel\0');
    await file('etc/selinux/targeted/contexts/lxc_contexts', 'process = "a:b:c:s0"\n');
    expect(await readContainerLabels(root)).toBeUndefined();
  });

  it('reads the labels of the policy', async () => {
    await file('sys/fs/selinux/enforce', '1');
    await file('proc/self/attr/current', 'system_u:system_r:init_t:s0\0');
    await file('etc/selinux/config', '# which\nSELINUX=enforcing\nSELINUXTYPE="mls"\n');
    const text = `# labels\nprocess = "${POLICY.process}"\nfile = "${POLICY.file}"\n`;
    await file('etc/selinux/mls/contexts/lxc_contexts', text);
    expect(await readContainerLabels(root)).toEqual(POLICY);
  });

  it('prefers the file of the containers', async () => {
    await file('sys/fs/selinux/enforce', '0');
    await file('etc/selinux/targeted/contexts/lxc_contexts', 'process = "a:b:c"\n');
    await file('usr/share/containers/selinux/contexts', `file="${POLICY.file}"\nprocess="p:q:r"`);
    expect(await readContainerLabels(root)).toEqual({ process: 'p:q:r', file: POLICY.file });
  });

  it('knows no labels of a policy without such files', async () => {
    await file('sys/fs/selinux/enforce', '1');
    expect(await readContainerLabels(root)).toEqual({ process: '', file: '' });
  });
});
