import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { NODES, type Pod, RUNTIME_CLASSES } from '@nodeagent/kube-client';
import { afterAll, describe, expect, it } from 'vitest';

import { cgroupOf } from './cgroups.ts';
import { useCluster } from './fixture.ts';
import {
  aScript,
  type ContainerSpec,
  createPod,
  isRunning,
  SERVES,
  statusOf,
  waitForEvent,
} from './pods.ts';
import { guaranteed } from './resizes.ts';

const BUSYBOX = 'nodeagent.test/busybox';
const MIB = 2 ** 20;
const e2e = useCluster({
  imagePullCredentialsVerificationPolicy: 'NeverVerifyAllowlistedImages',
  preloadedImagesVerificationAllowlist: [BUSYBOX],
});
const never = new AbortController().signal;

/** The tested parts of CRI's ContainerConfig, as containerd recorded it. */
interface ContainerConfig {
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly log_path: string;
  readonly linux: Readonly<Record<'resources' | 'security_context', Readonly<object>>>;
}

async function toldOf(pod: Pod, container: string): Promise<ContainerConfig> {
  const id = (statusOf(pod, container)?.containerID ?? '').replace(/^.*:\/\//, '');
  const info = JSON.parse(await e2e.cluster.containerd.ctr('containers', 'info', id)) as {
    readonly Extensions: Readonly<Record<string, Readonly<{ value: string }>>>;
  };
  const { value = '' } = info.Extensions['io.cri-containerd.container.metadata'] ?? {};
  const stored = JSON.parse(Buffer.from(value, 'base64').toString('utf8')) as {
    readonly Metadata: Readonly<{ Config: ContainerConfig }>;
  };
  return stored.Metadata.Config;
}

async function run(name: string, container: Partial<ContainerSpec>, spec = {}): Promise<Pod> {
  await createPod(e2e, name, { ...spec, containers: [aScript('app', SERVES, container)] });
  return e2e.waitForPod(name, 'to run', isRunning('app'));
}

describe('requests to the runtime', () => {
  it("contain CPU, memory and OOM score by the pod's QoS class", async () => {
    const resourcesOf = async (name: string, resources: object): Promise<object> =>
      (await toldOf(await run(name, { resources }), 'app')).linux.resources;
    expect(await resourcesOf('best-effort', {})).toMatchObject({
      cpu_shares: 2,
      oom_score_adj: 1000,
    });
    const burstable = { requests: { cpu: '500m', memory: '1Mi' }, limits: { cpu: '750m' } };
    expect(await resourcesOf('burstable', burstable)).toMatchObject({
      cpu_shares: 512,
      cpu_quota: 75_000,
      cpu_period: 100_000,
      oom_score_adj: 999,
    });
    expect(await resourcesOf('guaranteed', guaranteed('250m', '32Mi'))).toMatchObject({
      cpu_shares: 256,
      cpu_quota: 25_000,
      memory_limit_in_bytes: 32 * MIB,
      oom_score_adj: -997,
    });
  });

  it("contain the container's owner and its privileges", async () => {
    const pod = await run(
      'confined',
      {
        terminationMessagePolicy: 'FallbackToLogsOnError',
        securityContext: {
          runAsUser: 1000,
          capabilities: { drop: ['ALL'] },
          allowPrivilegeEscalation: false,
          seLinuxOptions: { level: 's0:c1,c2' },
        },
      },
      {
        securityContext: {
          runAsGroup: 2000,
          fsGroup: 3000,
          supplementalGroups: [4000],
          seccompProfile: { type: 'RuntimeDefault' },
        },
      },
    );
    const { labels, annotations, log_path, linux } = await toldOf(pod, 'app');
    expect(labels).toEqual({
      'io.kubernetes.container.name': 'app',
      'io.kubernetes.pod.name': 'confined',
      'io.kubernetes.pod.namespace': e2e.namespace,
      'io.kubernetes.pod.uid': pod.metadata?.uid,
    });
    expect(annotations).toEqual({
      'io.kubernetes.container.hash': expect.stringMatching(/^[0-9a-f]{1,8}$/),
      'io.kubernetes.container.restartCount': '0',
      'io.kubernetes.container.terminationMessagePath': '/dev/termination-log',
      'io.kubernetes.container.terminationMessagePolicy': 'FallbackToLogsOnError',
      'io.kubernetes.pod.terminationGracePeriod': '5',
    });
    expect(log_path).toBe('app/0.log');
    expect(linux.security_context).toMatchObject({
      run_as_user: { value: 1000 },
      run_as_group: { value: 2000 },
      supplemental_groups: [3000, 4000],
      capabilities: { drop_capabilities: ['ALL'] },
      no_new_privs: true,
      selinux_options: { level: 's0:c1,c2' },
      masked_paths: expect.arrayContaining(['/proc/kcore']),
    });
    // RuntimeDefault is the protocol's zero, which is not stored.
    expect(linux.security_context).toHaveProperty('seccomp', {});
  });
});

describe('a runtime class', () => {
  const className = (name: string): string => `${name}-${e2e.namespace}`;
  const classOf = (name: string, handler: string, podFixed?: Record<string, string>) =>
    e2e.client.create(
      RUNTIME_CLASSES,
      { metadata: { name: className(name) }, handler, ...(podFixed && { overhead: { podFixed } }) },
      never,
    );

  afterAll(async () => {
    // Runtime classes are cluster-wide, and the cluster may be shared.
    for (const name of ['heavy', 'nowhere']) {
      await e2e.client.delete(RUNTIME_CLASSES, { name: className(name) }, {}, never);
    }
  });

  it('runs the pod with its handler, and adds its overhead to the containers', async () => {
    const overhead = { cpu: '50m', memory: '16Mi' };
    await classOf('heavy', 'runc', overhead);
    const resources = guaranteed('100m', '64Mi');
    const spec = { runtimeClassName: className('heavy'), overhead };
    const pod = await run('heavy', { resources }, spec);
    expect(await cgroupOf(e2e.cluster, pod, 'app')).toEqual({ quotaUs: 10_000, memory: 64 * MIB });
    expect(await cgroupOf(e2e.cluster, pod)).toEqual({ quotaUs: 15_000, memory: 80 * MIB });
  });

  it('with an unknown handler keeps the pod waiting, with the runtime’s message', async () => {
    await classOf('nowhere', 'no-such-handler');
    await createPod(e2e, 'nowhere', {
      runtimeClassName: className('nowhere'),
      containers: [aScript('app', SERVES)],
    });
    await waitForEvent(e2e, 'nowhere', {
      reason: 'FailedCreatePodSandBox',
      message: /Failed to create pod sandbox: .*no-such-handler/,
    });
    expect((await e2e.getPod('nowhere')).status?.phase).toBe('Pending');
  });
});

describe('a checkpoint request', () => {
  it('fails with a message when the runtime cannot make one', async () => {
    await run('frozen', {});
    const container = `${e2e.namespace}/frozen/app`;
    const name = { name: e2e.cluster.nodeName };
    const target = { resource: NODES, name, subresource: `proxy/checkpoint/${container}` };
    const asked = e2e.client.createSubresource(target, {}, never);
    await expect(asked).rejects.toThrow(`checkpointing of ${container} failed`);
  });
});

describe('preloaded images', () => {
  it('are usable by all pods when they are on the list, and pulled when they are not', async () => {
    await run('listed', { imagePullPolicy: 'IfNotPresent' }); // busybox
    await createPod(e2e, 'unlisted', {
      containers: [
        aScript('app', SERVES, {
          image: 'nodeagent.test/web:1',
          imagePullPolicy: 'IfNotPresent',
        }),
      ],
    });
    await waitForEvent(e2e, 'unlisted', { reason: 'Pulling', message: 'nodeagent.test/web:1' });
    expect(isRunning('app')(await e2e.getPod('unlisted'))).toBe(false);
  });
});

describe('a damaged record of granted resources', () => {
  it('stops the kubelet from starting, with its name, and leaves the containers untouched', async () => {
    const before = await run('stays', {});
    const file = join(e2e.cluster.space.dir, 'kubelet/root/allocated_pods_state');
    const good = await readFile(file, 'utf8');
    const { kubelet } = e2e.cluster;
    await kubelet.kill9();
    await writeFile(file, '{ "damaged":');
    await expect(kubelet.start()).rejects.toThrow(/allocated_pods_state/);
    await writeFile(file, good);
    await kubelet.start();
    const after = await e2e.waitForPod('stays', 'to run', isRunning('app'));
    expect(statusOf(after, 'app')).toMatchObject({
      containerID: statusOf(before, 'app')?.containerID,
      restartCount: 0,
    });
  });
});
