import type { Driver } from '@nodeagent/csi';
import { beforeAll, describe, it } from 'vitest';

import { isReady, useCluster } from './fixture.ts';
import { useInProcessDriver } from './in-process-driver.ts';
import { storagePods } from './storage-pods.ts';

const METHODS = ['stage', 'publish', 'unpublish', 'unstage'] as const;
type Method = (typeof METHODS)[number];
type Fuse = Readonly<{ method: Method; when: 'before' | 'after' }>;

const e2e = useCluster();
/** The call in which the driver's process ends. */
let fuse: Fuse | undefined;
let killed = Promise.withResolvers<undefined>();

/** Ends as a killed process does: its connections break, and nobody hears its answer. */
function mortal(own: Driver): Driver {
  const { node } = own;
  const call =
    (method: Method) =>
    async (request: never, signal: AbortSignal): Promise<void> => {
      const isLast = fuse?.method === method;
      const when = fuse?.when;
      if (isLast) fuse = undefined;
      if (!isLast || when === 'after') await node![method]!(request, signal);
      if (!isLast) return;
      void driver.stop(0).then(() => killed.resolve(undefined));
      await killed.promise;
      throw new Error('the process has ended');
    };
  const calls = Object.fromEntries(METHODS.map((method) => [method, call(method)]));
  return { ...own, node: { ...node!, ...calls } };
}

const driver = useInProcessDriver(e2e, 'mortal', mortal);

const pods = storagePods(e2e, driver);

const restartKilled = async (): Promise<void> => {
  await killed.promise;
  await driver.start();
};

describe('a driver that is killed', () => {
  beforeAll(() => driver.aClaim('c', { backing: 'image' }));

  it.each(
    METHODS.flatMap((method) => [
      { method, when: 'before' as const },
      { method, when: 'after' as const },
    ]),
  )('$when the effect of $method costs no pod its volume, and nothing is left', async (at) => {
    const name = `${at.method}-${at.when}`;
    killed = Promise.withResolvers();
    const isMount = at.method === 'stage' || at.method === 'publish';
    if (isMount) fuse = at;
    await pods.start(name, `echo ${name} >> /data/log; sync`);
    if (isMount) await restartKilled();
    await e2e.waitForPod(name, 'to be ready', isReady);
    if (!isMount) fuse = at;
    await pods.delete(name);
    if (!isMount) await restartKilled();
    await pods.untilGone(name);
    await pods.untilUnstaged();
  });

  it('each time: the volume has what all pods wrote', async () => {
    const seen = 'test $(sort -u /data/log | wc -l) = 8 || exit 1';
    await pods.start('reads', seen);
    await e2e.waitForPod('reads', 'to be ready', isReady);
    await pods.remove('reads');
  });
});

it('a volume belongs to the group of its pod, and is shown in part and read-only', async () => {
  await driver.aClaim('parts', { backing: 'image' });
  const checks = [
    'touch /data/file', // not as root
    'test $(stat -c %g /data/file) = 4321',
    '! touch /all/file 2> /dev/null',
    'test -e /all/part/of/it/file',
  ];
  const volumeMounts = [
    { name: 'data', mountPath: '/data', subPath: 'part/of/it' },
    { name: 'data', mountPath: '/all', readOnly: true },
  ];
  const securityContext = { runAsUser: 1000, fsGroup: 4321 };
  const options = { claimName: 'parts', container: { volumeMounts }, pod: { securityContext } };
  await pods.start('parts', checks.map((check) => `(${check}) || exit 1`).join('; '), options);
  await e2e.waitForPod('parts', 'to be ready', isReady);
  await pods.remove('parts');
});
