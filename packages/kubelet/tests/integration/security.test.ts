import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import type { Container, Pod, PodSpec } from '@nodeagent/kube-client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { RuntimeFixture } from './runtime-fixture.js';

type Security = NonNullable<Container['securityContext']>;
type PodSecurity = NonNullable<PodSpec['securityContext']>;

let on: RuntimeFixture;
beforeAll(async () => {
  on = await RuntimeFixture.start();
});
afterAll(() => on.stop());

/** The output of a script in a container with this security context. */
async function say(
  script: string,
  securityContext: Security = {},
  spec: Partial<PodSpec> = {},
): Promise<string> {
  return (await on.run(on.pod(script, { securityContext }, spec))).log;
}

const ofPod = (securityContext: PodSecurity): Partial<PodSpec> => ({ securityContext });
const CAP_NET_ADMIN = 1n << 12n;
const CAP_CHOWN = 1n;

async function capabilities(security: Security): Promise<bigint> {
  const hex = await say('grep CapEff /proc/self/status', security);
  return BigInt(`0x${/CapEff:\s*([0-9a-f]+)/.exec(hex)?.[1] ?? '0'}`);
}

describe('a container', () => {
  it('has the added capabilities, without the dropped ones', async () => {
    const usual = await capabilities({});
    expect([usual & CAP_NET_ADMIN, usual & CAP_CHOWN]).toEqual([0n, CAP_CHOWN]);
    expect(await capabilities({ capabilities: { drop: ['ALL'] } })).toBe(0n);
    const own = { capabilities: { add: ['NET_ADMIN'], drop: ['CHOWN'] } };
    const found = await capabilities(own);
    expect([found & CAP_NET_ADMIN, found & CAP_CHOWN]).toEqual([CAP_NET_ADMIN, 0n]);
    expect((await capabilities({ privileged: true })) & CAP_NET_ADMIN).toBe(CAP_NET_ADMIN);
  });

  it('has its user, its groups and those of its volumes', async () => {
    const pod = { runAsUser: 1000, runAsGroup: 2000, fsGroup: 3000, supplementalGroups: [4000] };
    const own = { runAsUser: 1001 };
    expect(await say('id -u; id -g; id -G', own, ofPod(pod))).toBe('1001\n2000\n2000 3000 4000\n');
  });

  it('cannot gain privileges, nor write to its root, if configured so', async () => {
    const script = 'grep NoNewPrivs /proc/self/status; touch /x || echo cannot';
    const bound = { allowPrivilegeEscalation: false, readOnlyRootFilesystem: true };
    const log = await say(script, bound);
    expect(log).toMatch(/NoNewPrivs:\s*1\n/);
    expect(log).toContain('cannot');
    expect(await say(script)).toMatch(/NoNewPrivs:\s*0\n$/);
  });

  it('does not see masked paths of /proc, unless permitted', async () => {
    const script = 'wc -c < /proc/timer_list; touch /proc/sys/kernel/domainname || echo cannot';
    const usual = await say(script);
    expect(usual).toMatch(/^0$/m);
    expect(usual).toContain('cannot');
    const mounts = await say('grep -c " /proc/" /proc/self/mounts', { procMount: 'Unmasked' });
    expect(mounts).toBe('0\n');
  });

  it('has a seccomp filter: none, the runtime’s, or one from a file', async () => {
    const seccomp = 'grep Seccomp: /proc/self/status';
    expect(await say(seccomp)).toMatch(/Seccomp:\s*0\n/);
    const standard = { seccompProfile: { type: 'RuntimeDefault' } };
    expect(await say(seccomp, {}, ofPod(standard))).toMatch(/Seccomp:\s*2\n/);

    await mkdir(join(on.rootDir, 'seccomp/profiles'), { recursive: true });
    const profile = {
      defaultAction: 'SCMP_ACT_ALLOW',
      syscalls: [{ names: ['mkdir', 'mkdirat'], action: 'SCMP_ACT_ERRNO', errnoRet: 1 }],
    };
    await writeFile(join(on.rootDir, 'seccomp/profiles/p.json'), JSON.stringify(profile));
    const local = {
      seccompProfile: { type: 'Localhost', localhostProfile: 'profiles/p.json' },
    };
    expect(await say('mkdir /tmp/x || echo denied', local, ofPod(standard))).toContain('denied');
    const nowhere = { seccompProfile: { type: 'Localhost', localhostProfile: 'none.json' } };
    await expect(say('true', nowhere)).rejects.toMatchObject({ reason: 'CreateContainerError' });
  });

  it('is refused if it would be root and must not be', async () => {
    const pod = on.pod('true', { securityContext: { runAsNonRoot: true } });
    const text = 'container has runAsNonRoot and image will run as root';
    await expect(on.start(pod)).rejects.toMatchObject({
      reason: 'CreateContainerConfigError',
      message: expect.stringContaining(text) as string,
    });
    const { name = '', uid = '' } = pod.metadata ?? {};
    expect(on.events).toContain(
      `Failed: Error: ${text} (pod: "${name}_test(${uid})", container: c)`,
    );
    expect(await say('id -u', { runAsNonRoot: true, runAsUser: 7 })).toBe('7\n');
  });
});

describe('a pod', () => {
  const namespaces = (...kinds: readonly string[]): string =>
    `for n in ${kinds.join(' ')}; do readlink /proc/self/ns/$n; done`;

  it('has its own namespaces, or those of the host', async () => {
    const { readlink } = await import('node:fs/promises');
    const kinds = ['ipc', 'pid', 'uts'];
    const host = await Promise.all(kinds.map((kind) => readlink(`/proc/self/ns/${kind}`)));
    const own = (await say(namespaces(...kinds))).trim().split('\n');
    expect(own.filter((name) => host.includes(name))).toEqual([]);
    const shared = { hostPID: true, hostIPC: true, hostNetwork: true };
    expect((await say(namespaces(...kinds), {}, shared)).trim().split('\n')).toEqual(host);
  });

  it('shares its processes among its containers only if configured so', async () => {
    const count = 'cat /proc/1/comm; true';
    expect(await say(count)).toBe('sh\n');
    expect(await say(count, {}, { shareProcessNamespace: true })).toBe('pause\n');
  });

  it('has its kernel settings, in either notation of their names', async () => {
    const sysctls = [
      { name: 'net.ipv4.ip_unprivileged_port_start', value: '80' },
      { name: 'net/ipv4/ping_group_range', value: '0 7' },
    ];
    const script =
      'cat /proc/sys/net/ipv4/ip_unprivileged_port_start /proc/sys/net/ipv4/ping_group_range';
    expect(await say(script, {}, ofPod({ sysctls }))).toBe('80\n0\t7\n');
  });

  it('that requires its own user ids is refused by a runtime without them', async () => {
    const pod: Pod = on.pod('true', {}, { hostUsers: false });
    await expect(on.start(pod)).rejects.toMatchObject({
      reason: 'CreatePodSandboxError',
      message: "can't set `spec.hostUsers: false`, runtime does not support user namespaces",
    });
  });

  it('of a missing runtime class is refused', async () => {
    await expect(on.start(on.pod('true', {}, { runtimeClassName: 'x' }))).rejects.toMatchObject({
      reason: 'CreatePodSandboxError',
      message: 'runtimeclass.node.k8s.io "x" not found',
    });
  });
});

describe('a mount', () => {
  const spec = { volumes: [{ name: 'v', emptyDir: {} }] };
  it('that must be recursively read-only needs a runtime that supports it', async () => {
    const mount = { name: 'v', mountPath: '/v', readOnly: true, recursiveReadOnly: 'Enabled' };
    const pod = on.pod('true', { volumeMounts: [mount] }, spec);
    await expect(on.start(pod)).rejects.toMatchObject({
      reason: 'CreateContainerConfigError',
      message: expect.stringContaining('not supported by the runtime') as string,
    });
    const soft = { ...mount, recursiveReadOnly: 'IfPossible' };
    const able = on.pod('touch /v/x || echo cannot', { volumeMounts: [soft] }, spec);
    await on.volumeDir(able, 'v');
    expect((await on.run(able)).log).toContain('cannot');
  });
});
