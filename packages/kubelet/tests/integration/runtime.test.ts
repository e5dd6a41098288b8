import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';

import type { Pod } from '@nodeagent/kube-client';
import {
  buildImage,
  busyboxFiles,
  type ImageArchive,
  startRegistry,
  waitFor,
} from '@nodeagent/testbed';
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest';

import { RuntimeFixture } from './runtime-fixture.js';

let on: RuntimeFixture;
beforeAll(async () => {
  on = await RuntimeFixture.start();
});
afterAll(() => on.stop());
beforeEach(() => {
  on.events.length = 0;
});

/** For cgroup version 1 or 2. */
function podCgroup(pod: Pod, qos: string): boolean {
  const path = `${on.containerd.space.id}/kubepods/${qos}pod${pod.metadata?.uid ?? ''}`;
  return existsSync(`/sys/fs/cgroup/cpu/${path}`) || existsSync(`/sys/fs/cgroup/${path}`);
}

describe('a container', () => {
  it('has its environment, with references and fields', async () => {
    on.configMaps.set('cm', { data: { COLOR: 'blue' } });
    on.secrets.set('s', { data: { PASS: Buffer.from('geheim').toString('base64') } });
    const pod = on.pod('echo "$A|$COLOR|$PASS|$NODE_IP|$POD|$MY_IP|$0"; hostname -i', {
      args: ['$(A)$$(A)'],
      envFrom: [{ configMapRef: { name: 'cm' } }],
      env: [
        { name: 'A', value: 'is $(COLOR)' },
        { name: 'PASS', valueFrom: { secretKeyRef: { name: 's', key: 'PASS' } } },
        { name: 'NODE_IP', valueFrom: { fieldRef: { fieldPath: 'status.hostIP' } } },
        { name: 'POD', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } },
        { name: 'MY_IP', valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } },
      ],
    });
    const { log, exitCode } = await on.run(pod);
    const { podIps } = await on.view.observe(pod.metadata?.uid ?? '', on.signal);
    expect(exitCode).toBe(0);
    const name = pod.metadata?.name ?? '';
    expect(log).toContain(`is blue|blue|geheim|192.0.2.7|${name}|${podIps[0]}|is blue$(A)`);
  });

  it('has whole objects with a prefix and any keys, and its resource limits', async () => {
    on.configMaps.set('app', { data: { COLOR: 'blue', 'log-level.app': 'debug', '1st': 'one' } });
    on.secrets.set('keys', { data: { KEY: Buffer.from('geheim').toString('base64') } });
    const amount = (resource: string, divisor = '1') => ({
      valueFrom: { resourceFieldRef: { resource, divisor } },
    });
    const pod = on.pod('cat /proc/1/environ; true', {
      envFrom: [
        { prefix: 'APP_', configMapRef: { name: 'app' } },
        { secretRef: { name: 'keys' } },
        { prefix: 'APP_', secretRef: { name: 'nowhere', optional: true } },
      ],
      env: [
        { name: 'APP_COLOR', value: 'own, not $(APP_COLOR)' },
        { name: 'MY_CPU', ...amount('limits.cpu') },
        { name: 'MY_LABEL', valueFrom: { fieldRef: { fieldPath: "metadata.labels['app']" } } },
        { name: 'MY_MEMORY', ...amount('requests.memory', '1Mi') },
        { name: 'MY_NODE_MEMORY', ...amount('limits.memory', '1Gi') },
        { name: 'MY_UID', valueFrom: { fieldRef: { fieldPath: 'metadata.uid' } } },
      ],
      resources: { limits: { cpu: '250m' }, requests: { memory: '64Mi' } },
    });
    pod.metadata!.labels = { app: 'shop' };
    const { log } = await on.run(pod);
    // Shells drop such names, so this reads the environment that the kernel received.
    const given = log.split('\0').filter((entry) => /^(APP_|KEY=|MY_)/.test(entry));
    expect(given.sort()).toEqual([
      'APP_1st=one',
      'APP_COLOR=own, not blue',
      'APP_log-level.app=debug',
      'KEY=geheim',
      'MY_CPU=1',
      'MY_LABEL=shop',
      'MY_MEMORY=64',
      'MY_NODE_MEMORY=4',
      `MY_UID=${pod.metadata?.uid ?? ''}`,
    ]);
  });

  it('has its host name, hosts file and resolver', async () => {
    const pod = on.pod(
      'hostname; cat /etc/hosts /etc/resolv.conf',
      {},
      {
        hostname: 'me',
        subdomain: 'sub',
        hostAliases: [{ ip: '10.9.9.9', hostnames: ['friend'] }],
      },
    );
    const { log } = await on.run(pod);
    expect(log).toMatch(/^me\n/);
    expect(log).toMatch(/\tme\.sub\.test\.svc\.cluster\.local\tme\n/);
    expect(log).toContain('10.9.9.9\tfriend');
    expect(log).toContain('nameserver 10.96.0.10');
    expect(log).toContain('search test.svc.cluster.local svc.cluster.local cluster.local');
  });

  it('has its volumes and their parts', async () => {
    const pod = on.pod(
      'exec 2>&1; cat /v/file; cat /part/inner; echo new > /v/out; echo x > /ro/out || echo refused',
      {
        env: [{ name: 'DIR', value: 'sub' }],
        volumeMounts: [
          { name: 'v', mountPath: '/v' },
          { name: 'v', mountPath: '/part', subPathExpr: '$(DIR)/dir' },
          { name: 'v', mountPath: '/ro', readOnly: true },
        ],
      },
      { volumes: [{ name: 'v', emptyDir: {} }] },
    );
    const dir = await on.volumeDir(pod, 'v');
    await writeFile(join(dir, 'file'), 'whole\n');
    await mkdir(join(dir, 'sub/dir'), { recursive: true });
    await writeFile(join(dir, 'sub/dir/inner'), 'part\n');
    const { log } = await on.run(pod);
    expect(log).toContain('whole\npart\n');
    expect(log).toContain('refused');
    expect(await readFile(join(dir, 'out'), 'utf8')).toBe('new\n');
  });

  it('runs as its user, with its limits and below its pod’s cgroup', async () => {
    const pod = on.pod(
      'id -u; id -g; id -G; cd /sys/fs/cgroup; cat memory/memory.limit_in_bytes memory.max 2>/dev/null',
      {
        securityContext: { runAsUser: 1234, runAsGroup: 2345 },
        resources: { limits: { cpu: '500m', memory: '64Mi' } },
      },
      { securityContext: { supplementalGroups: [77] } },
    );
    const { log } = await on.run(pod);
    expect(log).toMatch(/^1234\n2345\n2345 77\n/);
    expect(podCgroup(pod, '')).toBe(true);
    expect(log).toContain(String(64 * 2 ** 20));
  });
});

describe('a container that ends', () => {
  it('reports its exit code and its message', async () => {
    const end = await on.run(on.pod('echo -n because > /dev/termination-log; exit 3'));
    expect(end).toMatchObject({ exitCode: 3, reason: 'Error', message: 'because' });
  });

  it('reports the end of its log if it has no message', async () => {
    const policy = { terminationMessagePolicy: 'FallbackToLogsOnError' };
    const failed = await on.run(on.pod('(echo first; echo last) >&2; exit 1', policy));
    expect(failed.message).toBe('first\nlast\n');
    const well = await on.run(on.pod('echo first', policy));
    expect(well).toMatchObject({ message: '', reason: 'Completed', exitCode: 0 });
  });

  it('is killed if it exceeds its memory limit: OOMKilled', async () => {
    const resources = { limits: { memory: '32Mi' } };
    const end = await on.run(on.pod('exec tail /dev/zero', { resources }));
    expect(end).toMatchObject({ exitCode: 137, reason: 'OOMKilled' });
  });

  it('is killed after its grace period', async () => {
    const script = 'trap "echo asked; exit 7" TERM; echo listens; while :; do sleep 0.1; done';
    const pod = on.pod(script);
    const id = await on.start(pod);
    await waitFor(async () => (await on.log(id)).includes('listens'), { what: 'it to listen' });
    const why = 'Stopping container c';
    const request = { containerId: id, name: 'c', pod, graceSeconds: 20, preStop: false, why };
    await on.runtime.stopContainer(request, on.signal);
    expect((await on.seen(pod)).state).toMatchObject({ kind: 'exited', exitCode: 7 });
    expect(await on.log(id)).toContain('asked');
    expect(on.events).toContain('Killing: Stopping container c');
  });

  it('leaves no log, link, sandbox or cgroup behind when removed', async () => {
    const pod = on.pod('echo x');
    await on.run(pod);
    const uid = pod.metadata?.uid ?? '';
    const links = join(on.containerd.space.dir, 'container-logs');
    const own = async () =>
      (await readdir(links)).filter((name) => name.startsWith(`${pod.metadata?.name ?? ''}_`));
    expect(await own()).toHaveLength(1);
    await on.remove(pod);
    expect(await own()).toEqual([]);
    expect(
      existsSync(join(on.containerd.space.dir, `pod-logs/test_${pod.metadata?.name ?? ''}_${uid}`)),
    ).toBe(false);
    const left = await on.view.listPods(on.signal);
    expect(left.map((known) => known.uid)).not.toContain(uid);
    expect(podCgroup(pod, 'besteffort/')).toBe(false);
  });
});

describe('hooks', () => {
  it('run after the start, and their failure ends the container', async () => {
    const postStart = { exec: { command: ['sh', '-c', 'echo no; exit 4'] } };
    const pod = on.pod(
      'sleep 60',
      { lifecycle: { postStart } },
      { terminationGracePeriodSeconds: 1 },
    );
    await expect(on.start(pod)).rejects.toMatchObject({
      reason: 'PostStartHookError',
      message: expect.stringContaining('exited with 4') as string,
    });
    expect((await on.seen(pod)).state.kind).toBe('exited');
    expect(on.events).toContain('FailedPostStartHook: PostStartHook failed');
  });

  /** Answers every request with `answer(path)`, and records the requests. */
  async function serve(answer: (path: string) => readonly [number, Readonly<object>?]) {
    const asked: string[] = [];
    const server = createServer((request, response) => {
      asked.push(`${request.url ?? ''} ${request.headers['user-agent'] ?? ''}`);
      const [status, headers] = answer(request.url ?? '');
      response.writeHead(status, { ...headers }).end();
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void server.close());
    const { port } = server.address() as AddressInfo;
    return { asked, to: (path: string) => ({ host: '127.0.0.1', port: port as never, path }) };
  }
  const UNTIL_TOLD = 'trap "exit 0" TERM; while :; do sleep 0.1; done';

  it('run after the start by HTTP, and follow redirects', async () => {
    const { asked, to } = await serve(
      (path) => (path === '/hello' ? [302, { location: '/there' }] : [404]), // any response counts as success
    );
    const pod = on.pod(UNTIL_TOLD, { lifecycle: { postStart: { httpGet: to('hello') } } });
    await on.start(pod);
    expect(asked).toEqual(['/hello kube-lifecycle/1.36', '/there kube-lifecycle/1.36']);
    expect((await on.seen(pod)).state.kind).toBe('running');
    expect(on.events.filter((event) => event.startsWith('Failed'))).toEqual([]);
  });

  it('after the start end the container if the server cannot be reached', async () => {
    const httpGet = { host: '127.0.0.1', port: 1 as never };
    const pod = on.pod('sleep 60', { lifecycle: { postStart: { httpGet } } });
    pod.spec!.terminationGracePeriodSeconds = 1;
    await expect(on.start(pod)).rejects.toMatchObject({
      reason: 'PostStartHookError',
      message: expect.stringContaining('ECONNREFUSED') as string,
    });
    expect((await on.seen(pod)).state.kind).toBe('exited');
    expect(on.events).toContain('FailedPostStartHook: PostStartHook failed');
  });

  it('run before the stop signal, within the grace period', async () => {
    const { asked, to } = await serve((path) =>
      path === '/bye' ? [307, { location: '/farewell' }] : [500],
    );
    const pod = on.pod(UNTIL_TOLD, { lifecycle: { preStop: { httpGet: to('bye') } } });
    const id = await on.start(pod);
    // The hook of a pod that is gone from the API is in the container's annotation.
    const why = 'orphan';
    const request = {
      containerId: id,
      name: 'c',
      pod: undefined,
      graceSeconds: 10,
      preStop: true,
      why,
    };
    await on.runtime.stopContainer(request, on.signal);
    expect(asked).toEqual(['/bye kube-lifecycle/1.36', '/farewell kube-lifecycle/1.36']);
    expect((await on.seen(pod)).state.kind).toBe('exited');
  });

  it('before the stop signal that outlast the grace period continue during the signal, and are killed after it', async () => {
    const volume = { name: 'shared', emptyDir: {} };
    // The container ends 1 s after its signal; the hook records what it observes.
    const script = 'trap "touch /shared/told; sleep 1; exit 0" TERM; while :; do sleep 0.1; done';
    const hook =
      'while [ ! -e /shared/told ]; do sleep 0.1; done; touch /shared/hook-saw-it; sleep 60';
    const pod = on.pod(
      script,
      {
        lifecycle: { preStop: { exec: { command: ['sh', '-c', hook] } } },
        volumeMounts: [{ name: 'shared', mountPath: '/shared' }],
      },
      { volumes: [volume] },
    );
    const dir = await on.volumeDir(pod, 'shared');
    const id = await on.start(pod);
    const why = 'Stopping container c';
    const request = { containerId: id, name: 'c', pod, graceSeconds: 1, preStop: true, why };
    await on.runtime.stopContainer(request, on.signal);
    expect((await on.seen(pod)).state).toMatchObject({ kind: 'exited', exitCode: 0 });
    expect((await readdir(dir)).sort()).toEqual(['hook-saw-it', 'told']);
    expect(on.events).toContain('FailedPreStopHook: PreStopHook failed');
  });
});

/** Differs from the images on the node: the right to use an image depends on its content. */
async function ownImage(name: string, says = name): Promise<ImageArchive> {
  return buildImage({
    name: `nodeagent.test/${name}:1`,
    files: await busyboxFiles(),
    entrypoint: ['/bin/sh'],
    env: { NAME: says },
  });
}

describe('images', () => {
  const refused: readonly (readonly [string, string, string, string])[] = [
    ['is not there', 'nodeagent.test/none:1', 'Never', 'ErrImageNeverPull'],
    ['has a bad name', 'Not/An Image', 'IfNotPresent', 'InvalidImageName'],
    ['cannot be pulled', '127.0.0.1:1/none:1', 'IfNotPresent', 'ErrImagePull'],
  ];
  it.each(refused)('an image that %s', async (_, image, imagePullPolicy, reason) => {
    const pod = on.pod('true', { image, imagePullPolicy });
    await expect(on.start(pod)).rejects.toMatchObject({ reason });
    expect(on.events).toContain(`Failed: Error: ${reason}`);
  });

  it('are not pulled again at once after a failure', async () => {
    const pod = on.pod('true', { image: '127.0.0.1:1/none:1', imagePullPolicy: 'Always' });
    await expect(on.start(pod)).rejects.toMatchObject({ reason: 'ErrImagePull' });
    await expect(on.start(pod)).rejects.toMatchObject({
      reason: 'ImagePullBackOff',
      message: expect.stringMatching(
        /^Back-off pulling image "127.0.0.1:1\/none:1": ErrImagePull: /,
      ) as string,
    });
  });

  it('are pulled from a private registry with the pod’s secrets', async () => {
    const login = { username: 'who', password: 'secret' };
    const registry = await startRegistry({ space: on.containerd.space, login });
    const image = await registry.push(await ownImage('private'));
    const imagePullPolicy = 'Always';
    await expect(on.start(on.pod('true', { image, imagePullPolicy }))).rejects.toMatchObject({
      reason: 'ErrImagePull',
    });
    const auths = { [registry.host]: login };
    const data = { '.dockerconfigjson': btoa(JSON.stringify({ auths })) };
    on.secrets.set('pull', { type: 'kubernetes.io/dockerconfigjson', data });
    on.events.length = 0;
    const secrets = { imagePullSecrets: [{ name: 'pull' }] };
    const end = await on.run(on.pod('echo pulled', { image, imagePullPolicy }, secrets));
    expect(end).toMatchObject({ exitCode: 0, log: 'pulled\n' });
    expect(on.events[0]).toBe(`Pulling: Pulling image "${image}"`);
    expect(on.events[1]).toMatch(/^Pulled: Successfully pulled image .* Image size: \d+ bytes\.$/);

    // Now it is on the node, but not available to every pod.
    const policy = { image, imagePullPolicy: 'IfNotPresent' };
    await expect(on.start(on.pod('true', policy))).rejects.toMatchObject({
      reason: 'ErrImagePull',
    });
    on.events.length = 0;
    await on.run(on.pod('true', policy, secrets));
    expect(on.events[0]).toBe(
      `Pulled: Container image "${image}" already present on machine and can be accessed by the pod`,
    );
    await registry.stop();
  });

  it('from a registry without authentication are usable by every pod', async () => {
    const registry = await startRegistry({ space: on.containerd.space, port: 5001 });
    const image = await registry.push(await ownImage('public'));
    const policy = { image, imagePullPolicy: 'IfNotPresent' };
    await on.run(on.pod('true', policy));
    on.events.length = 0;
    await on.run(on.pod('true', policy));
    expect(on.events[0]).toMatch(/already present on machine and can be accessed by the pod$/);
    await registry.stop();
  });

  it('are pulled at every start with Always, and only then', async () => {
    const registry = await startRegistry({ space: on.containerd.space, port: 5002 });
    const image = await registry.push(await ownImage('moving', 'old'));
    const says = async (imagePullPolicy: string): Promise<string> =>
      (await on.run(on.pod('echo $NAME', { image, imagePullPolicy }))).log;
    expect(await says('IfNotPresent')).toBe('old\n');
    await registry.push(await ownImage('moving', 'new'));
    expect(await says('IfNotPresent')).toBe('old\n');
    on.events.length = 0;
    expect(await says('Always')).toBe('new\n');
    expect(on.events[0]).toBe(`Pulling: Pulling image "${image}"`);
    await registry.stop();
    on.events.length = 0;
    await expect(says('Always')).rejects.toMatchObject({ reason: 'ErrImagePull' });
    expect(on.events).toContain('Failed: Error: ErrImagePull');
    expect(await says('Never')).toBe('new\n');
  });
});

describe('refusals', () => {
  it('name the missing object, before anything is created', async () => {
    const ref = { name: 'nowhere', key: 'k' };
    const pod = on.pod('true', { env: [{ name: 'A', valueFrom: { secretKeyRef: ref } }] });
    await expect(on.start(pod)).rejects.toMatchObject({
      reason: 'CreateContainerConfigError',
      message: 'secret "nowhere" not found',
    });
    expect(on.events).toContain('Failed: Error: secret "nowhere" not found');
    const { containers } = await on.view.observe(pod.metadata?.uid ?? '', on.signal);
    expect(containers).toEqual([]);
  });

  it('name a missing command', async () => {
    const pod = on.pod('', { command: ['/no/such/program'] });
    await expect(on.start(pod)).rejects.toMatchObject({ reason: 'RunContainerError' });
    expect((await on.seen(pod)).state).toMatchObject({ kind: 'exited' });
  });
});
