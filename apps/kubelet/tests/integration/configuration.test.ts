import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { request } from 'node:https';
import { basename, join, resolve } from 'node:path';
import { text } from 'node:stream/consumers';

import { type Containerd, startContainerd, type TestProcess, waitFor } from '@nodeagent/testbed';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';

import { AWAY_KUBECONFIG } from './away-api-server.ts';

const PROGRAM = resolve(import.meta.dirname, '../../../../dist/bin/kubelet');
const KIND = { apiVersion: 'kubelet.config.k8s.io/v1beta1', kind: 'KubeletConfiguration' };
const OPEN = {
  authentication: { anonymous: { enabled: true }, webhook: { enabled: false } },
  authorization: { mode: 'AlwaysAllow' },
};

/** Its network namespace has all ports for the kubelet: they may be the usual ones. */
let containerd: Containerd;
let kubelet: TestProcess | undefined;

beforeAll(async () => {
  containerd = await startContainerd();
});
afterEach(async () => {
  await kubelet?.stop();
  kubelet = undefined;
});
afterAll(() => containerd.stop());

/** What the program is given, beside what keeps it to the test's own place. */
interface Given {
  /** Without kind and version. */
  readonly file?: object;
  /** By file name, as they are written. */
  readonly dropIns?: Readonly<Record<string, object | string>>;
  readonly flags?: readonly string[];
}

interface Place {
  readonly dir: string;
  readonly argv: readonly string[];
  readonly rootDir: string;
}

/** A drop-in of this name says where logs are, for which there is no flag. */
const FIRST = '00-place.conf';

async function write({ file, dropIns = {}, flags = [] }: Given): Promise<Place> {
  const dir = await mkdtemp(join(containerd.space.dir, 'configuration-'));
  const [configFile, dropInDir, rootDir] = ['kubelet.json', 'conf.d', 'root'].map((name) =>
    join(dir, name),
  ) as [string, string, string];
  const place = { ...KIND, podLogsDir: join(dir, 'logs/pods') };
  await mkdir(dropInDir);
  for (const [name, content] of Object.entries({ [FIRST]: place, ...dropIns })) {
    const written = typeof content === 'string' ? content : JSON.stringify(content);
    await writeFile(join(dropInDir, name), written);
  }
  if (file !== undefined) await writeFile(configFile, JSON.stringify({ ...KIND, ...file }));
  const argv = [
    ...[PROGRAM, '--hostname-override=n1', '--fail-cgroupv1=false', '--fail-swap-on=false'],
    `--node-ip=${containerd.space.network.nodeIp}`,
    ...(file === undefined ? [] : [`--config=${configFile}`]),
    `--config-dir=${dropInDir}`,
    `--root-dir=${rootDir}`,
    `--cgroup-root=/${containerd.space.id}`,
    `--container-runtime-endpoint=${containerd.endpoint}`,
    ...flags,
  ];
  return { dir, argv, rootDir };
}

const ENV = { NODEAGENT_NODE: process.execPath };

/** Resolves when it is healthy. */
async function start(given: Given): Promise<TestProcess> {
  const { dir, argv } = await write(given);
  const { space } = containerd;
  const started = await space.start(basename(dir), argv, ENV);
  kubelet = started;
  const url = 'http://127.0.0.1:10248/healthz';
  const isHealthy = async () => {
    started.assertRunning();
    return (await space.try(['busybox', 'wget', '-q', '-O', '/dev/null', url])).exitCode === 0;
  };
  await waitFor(isHealthy, { what: 'the kubelet to be healthy' });
  return started;
}

/** As anybody; its certificate is nobody's. */
function get(path: string): Promise<{ status: number; body: string }> {
  const host = containerd.space.network.nodeIp;
  return new Promise((done, failed) => {
    const ask = request({ host, port: 10_250, path, rejectUnauthorized: false, agent: false });
    ask.once('error', failed);
    ask.once('response', (answer) => {
      text(answer).then((body) => done({ status: answer.statusCode ?? 0, body }), failed);
    });
    ask.end();
  });
}

async function configz(): Promise<unknown> {
  const { status, body } = await get('/configz');
  expect(status).toBe(200);
  return (JSON.parse(body) as { kubeletconfig: unknown }).kubeletconfig;
}

const readOnlyPort = (path: string): Promise<Response> =>
  fetch(`http://${containerd.space.network.nodeIp}:10255${path}`);

describe('a kubelet without a configuration file', () => {
  it('is open, and has no thresholds of eviction, also when drop-ins come over it', async () => {
    await start({ dropIns: { '10-a.conf': { ...KIND, maxPods: 7 } } });
    const config = await configz();
    expect(config).toMatchObject({ ...OPEN, readOnlyPort: 10_255, maxPods: 7 });
    expect(config).toHaveProperty('evictionHard', {});
    expect((await readOnlyPort('/pods')).status).toBe(200);
  });
});

describe('a kubelet with a configuration file', () => {
  it('that says nothing is shut', async () => {
    // Somebody has to be asked who may do what: one that is away says that nobody may.
    const kubeconfig = join(containerd.space.dir, 'kubeconfig');
    await writeFile(kubeconfig, AWAY_KUBECONFIG);
    await start({ file: {}, flags: [`--kubeconfig=${kubeconfig}`] });
    expect((await get('/configz')).status).toBe(401);
    await expect(readOnlyPort('/pods')).rejects.toMatchObject({
      cause: expect.objectContaining({ code: 'ECONNREFUSED' }),
    });
  });

  it('has what it says, then drop-ins one after the other, then flags', async () => {
    const { logFile } = await start({
      file: {
        ...OPEN,
        maxPods: 10,
        podsPerCore: 1,
        podPidsLimit: 100,
        clusterDNS: ['10.0.0.1', '10.0.0.2'],
        evictionHard: { 'memory.available': '10Mi', 'nodefs.available': '1%' },
        featureGates: { KubeletCrashLoopBackOffMax: true, EnvFiles: true },
        systemReserved: { cpu: '10m', memory: '16Mi' },
        maxPod: 3,
      },
      dropIns: {
        '20-b.conf': { ...KIND, podsPerCore: 3, evictionHard: { 'pid.available': '2%' } },
        '10-a.conf': { ...KIND, podsPerCore: 2, podPidsLimit: 200, clusterDNS: ['10.0.0.3'] },
        '30-c.yaml': { ...KIND, podsPerCore: 4, podPidsLimit: 400 },
      },
      flags: [
        '--max-pods=40',
        '--feature-gates=KubeletCrashLoopBackOffMax=false',
        '--system-reserved=cpu=20m',
        '--network-plugin=cni',
      ],
    });
    const config = await configz();
    expect(config).toMatchObject({
      maxPods: 40,
      podsPerCore: 3,
      podPidsLimit: 200,
      featureGates: { KubeletCrashLoopBackOffMax: false, EnvFiles: true },
    });
    expect(config).toHaveProperty('clusterDNS', ['10.0.0.3']);
    expect(config).toHaveProperty('systemReserved', { cpu: '20m' });
    expect(config).toHaveProperty('evictionHard', {
      'memory.available': '10Mi',
      'nodefs.available': '1%',
      'pid.available': '2%',
    });
    const log = await readFile(logFile, 'utf8');
    expect(log).toContain('maxPod');
    expect(log).toContain('--network-plugin');
  });

  it('has all default thresholds where it names none, and what follows from its fields', async () => {
    await start({
      file: { ...OPEN, nodeStatusUpdateFrequency: '20s', maxParallelImagePulls: 2 },
      dropIns: {
        '10-a.conf': { ...KIND, evictionHard: { 'pid.available': '2%' } },
        '20-b.conf': { ...KIND, nodeStatusUpdateFrequency: '30s' },
      },
    });
    const config = await configz();
    expect(config).toHaveProperty('evictionHard', {
      'memory.available': '100Mi',
      'nodefs.available': '10%',
      'nodefs.inodesFree': '5%',
      'imagefs.available': '15%',
      'imagefs.inodesFree': '5%',
      'pid.available': '2%',
    });
    expect(config).toMatchObject({
      nodeStatusUpdateFrequency: '30s',
      nodeStatusReportFrequency: '20s',
      serializeImagePulls: false,
    });
  });
});

describe('a kubelet that is given what it cannot use', () => {
  const rows: readonly (Given & Readonly<{ name: string; says: readonly (string | RegExp)[] }>)[] =
    [
      {
        name: 'fields of a file, a drop-in and a flag: all of them at once',
        file: { maxPods: -1, cgroupDriver: 'mine', runOnce: true },
        dropIns: { '10-a.conf': { ...KIND, syncFrequency: 'soon' } },
        flags: ['--image-gc-low-threshold=90'],
        says: [
          /kubelet\.json: 5 problems$/m,
          ...['maxPods', 'cgroupDriver', 'runOnce', 'syncFrequency', 'imageGCLowThresholdPercent'],
        ],
      },
      {
        name: 'flags: all of them at once',
        flags: ['--cloud-provider=gce', '--node-ip=10.0.0.1,10.0.0.2'],
        says: ['command line: 2 problems', '--cloud-provider', 'bad --node-ip'],
      },
      { name: 'a flag that there is not', flags: ['--no-such=1'], says: ['--no-such'] },
      { name: 'a word that is no flag', flags: ['start'], says: ['start'] },
      {
        name: 'a drop-in that does not say what it is',
        dropIns: { '10-a.conf': { maxPods: 3 } },
        says: ['10-a.conf', 'kind'],
      },
      { name: 'a drop-in that is empty', dropIns: { '10-a.conf': '' }, says: ['10-a.conf'] },
      {
        name: 'a directory of drop-ins that there is not',
        flags: ['--config-dir=/nonexistent/conf.d'],
        says: ['/nonexistent/conf.d', '--config-dir'],
      },
    ];
  it.each(rows)('$name; it says so and touches nothing', async ({ says, ...given }) => {
    const { argv, rootDir } = await write(given);
    const { exitCode, stderr } = await containerd.space.try(argv, { env: ENV });
    for (const words of says) expect(stderr).toMatch(words);
    expect(exitCode).toBe(1);
    expect(existsSync(rootDir)).toBe(false);
  });
});
