import type { Mount } from '@nodeagent/cri-client';
import type { Pod, Volume, VolumeMount } from '@nodeagent/kube-client';
import { describe, expect, it } from 'vitest';

import type { ImageRequest } from '../../../src/images/run/images.js';
import { StartError } from '../../../src/pod/index.js';
import { ContainerMounts } from '../../../src/runtime/run/container-mounts.js';
import { aPod } from '../../../src/testing/index.js';

const { signal } = new AbortController();
const IDS = { hostId: 65_536, containerId: 0, length: 65_536 };
const settings = {
  podLogsDir: '/logs',
  containerLogsDir: '/links',
  clusterDomain: 'c.local',
  clusterDns: [],
  resolvConfPath: '',
  cpuCfsQuota: true,
  cpuPeriodUs: 100_000,
  memoryCapacityBytes: 2 ** 30,
  unified: {},
  seccompDefault: false,
  seccompDir: '/seccomp',
};

function setUp(options: { selinux?: boolean; ids?: typeof IDS; able?: boolean } = {}) {
  const asked: ImageRequest[] = [];
  const imageVolumes: boolean[] = [];
  const mounts = new ContainerMounts(
    {
      files: {
        writeHostsFile: async () => '/pods/u/etc-hosts',
        createMessageFile: async () => '/pods/u/message',
      } as never,
      volumes: {
        source: async ({ pod, index }) => {
          const name = pod.spec?.containers[0]?.volumeMounts?.[index]?.name;
          const volume = pod.spec?.volumes?.find((candidate) => candidate.name === name);
          if (volume === undefined) return undefined;
          const managed = volume.hostPath === undefined;
          return { hostPath: `/volumes/${name}`, readOnly: volume.secret !== undefined, managed };
        },
        device: () => ({ hostPath: '/devices/data', readOnly: true }),
        groups: () => [],
        readFile: () => Promise.reject(new Error('not asked for')),
      },
      images: {
        ensure: async (request) => {
          asked.push(request);
          if (request.image === 'reg.test/gone') throw new StartError('ErrImagePull', 'gone');
          return { ref: 'sha256:data' };
        },
      },
      meter: { imageVolume: (isMounted) => imageVolumes.push(isMounted) },
      sandboxes: {
        features: async () => ({
          userNamespaces: false,
          recursiveReadOnlyMounts: options.able === true,
        }),
        ids: async () => options.ids,
      },
    },
    { ...settings, selinux: options.selinux === true },
  );
  const build = async (
    volumes: readonly Volume[],
    volumeMounts: readonly VolumeMount[],
    more: Partial<Pod['spec']> = {},
    podIps: readonly string[] = ['10.1.0.1'],
  ): Promise<readonly Mount[]> => {
    const terminationMessagePath = '/dev/termination-log';
    const container = { name: 'app', volumeMounts: [...volumeMounts], terminationMessagePath };
    const pod = aPod({
      ...more,
      volumes: [...volumes],
      containers: [container],
      metadata: { annotations: { note: 'x' } },
    });
    const sandbox = { metadata: { name: 'web', namespace: 'default', uid: 'u', attempt: 0 } };
    return mounts.build({ pod, container, podIps, env: [], sandbox }, signal);
  };
  return { build, asked, imageVolumes };
}

const HOSTS = { containerPath: '/etc/hosts', hostPath: '/pods/u/etc-hosts' };
const MESSAGE = { containerPath: '/dev/termination-log', hostPath: '/pods/u/message' };
const paths = (mounts: readonly Mount[]): string[] => mounts.map((mount) => mount.containerPath);

describe(ContainerMounts, () => {
  const scratch: Volume = { name: 's', emptyDir: {} };

  it('are in the order of the spec, then the hosts file, then the termination message', async () => {
    const { build } = setUp();
    const found = await build(
      [scratch, { name: 'pass', secret: { secretName: 'x' } }],
      [
        { name: 's', mountPath: 'relative', mountPropagation: 'HostToContainer' },
        { name: 'pass', mountPath: '/pass' },
      ],
    );
    expect(found).toEqual([
      {
        containerPath: '/relative',
        hostPath: '/volumes/s',
        readOnly: false,
        propagation: 'host-to-container',
      },
      { containerPath: '/pass', hostPath: '/volumes/pass', readOnly: true, propagation: 'private' },
      HOSTS,
      MESSAGE,
    ]);
  });

  it('do not replace the container’s own hosts file', async () => {
    const { build } = setUp();
    const own = [{ name: 's', mountPath: '/etc/hosts' }];
    expect(paths(await build([scratch], own))).toEqual(['/etc/hosts', '/dev/termination-log']);
  });

  it('have no hosts file while the pod has no address, except in the host network', async () => {
    const { build } = setUp();
    expect(paths(await build([], [], {}, []))).toEqual(['/dev/termination-log']);
  });

  it('name a missing volume', async () => {
    const { build } = setUp();
    await expect(build([], [{ name: 'none', mountPath: '/x' }])).rejects.toThrow(
      'cannot find volume "none" to mount into container "app"',
    );
  });

  it('show the files of an image, pulled by its own policy', async () => {
    const { build, asked, imageVolumes } = setUp();
    const volume = { name: 'data', image: { reference: 'reg.test/data:1', pullPolicy: 'Always' } };
    const mount = { name: 'data', mountPath: '/data', subPath: 'models' };
    const [found] = await build([volume], [mount]);
    expect(found).toEqual({
      containerPath: '/data',
      propagation: 'private',
      readOnly: true,
      image: {
        image: 'sha256:data',
        userSpecifiedImage: 'reg.test/data:1',
        annotations: { note: 'x' },
      },
      imageSubPath: 'models',
    });
    expect(asked[0]).toMatchObject({ image: 'reg.test/data:1', policy: 'Always' });
    expect(asked[0]?.container).toBeUndefined();
    const gone = { name: 'data', image: { reference: 'reg.test/gone' } };
    await expect(build([gone], [mount])).rejects.toMatchObject({ reason: 'ErrImagePull' });
    expect(imageVolumes).toEqual([true, false]);
  });

  it('are relabeled where SELinux needs it, except host paths', async () => {
    const host: Volume = { name: 'h', hostPath: { path: '/h' } };
    const both = [scratch, host].map(({ name }) => ({ name, mountPath: `/${name}` }));
    const { build } = setUp({ selinux: true });
    const found = await build([scratch, host], both);
    expect(found.map(({ selinuxRelabel }) => selinuxRelabel)).toEqual([
      true,
      undefined,
      true,
      true,
    ]);
  });

  it('are mapped to the pod’s own user ids', async () => {
    const { build } = setUp({ ids: IDS });
    const found = await build([scratch], [{ name: 's', mountPath: '/s' }]);
    expect(found).toHaveLength(3);
    for (const { uidMappings, gidMappings } of found) {
      expect([uidMappings, gidMappings]).toEqual([[IDS], [IDS]]);
    }
  });

  it('are read-only recursively if the handler supports it', async () => {
    const mount = { name: 's', mountPath: '/s', readOnly: true, recursiveReadOnly: 'IfPossible' };
    const [able] = await setUp({ able: true }).build([scratch], [mount]);
    expect(able).toMatchObject({ readOnly: true, recursiveReadOnly: true });
    const [unable] = await setUp().build([scratch], [mount]);
    expect(unable).not.toHaveProperty('recursiveReadOnly');
  });
});
