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

/** The kubelet has a network namespace of its own, so it may use the default ports. */
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

/** Configuration of the program, besides paths and ports of the test. */
interface Given {
  /** Without kind and apiVersion. */
  readonly file?: object;
  /** Contents by file name. */
  readonly dropIns?: Readonly<Record<string, object | string>>;
  readonly flags?: readonly string[];
}

interface Place {
  readonly dir: string;
  readonly argv: readonly string[];
  readonly rootDir: string;
}

/** A drop-in of this name sets the log directory, for which there is no flag. */
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
    `--cert-dir=${rootDir}/pki`,
    `--cgroup-root=/${containerd.space.id}`,
    `--container-runtime-endpoint=${containerd.endpoint}`,
    ...flags,
  ];
  return { dir, argv, rootDir };
}

const ENV = { NODEAGENT_NODE: process.execPath };

/** Resolves once the kubelet is healthy. */
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

interface Answer {
  readonly status: number;
  readonly body: string;
}

/** Sends an anonymous request, and accepts the self-signed certificate. */
function get(path: string): Promise<Answer> {
  return send('GET', path);
}

function send(method: string, path: string, sent = ''): Promise<Answer> {
  const host = containerd.space.network.nodeIp;
  return new Promise((done, failed) => {
    const ask = request({
      ...{ host, port: 10_250, method, path, rejectUnauthorized: false, agent: false },
    });
    ask.once('error', failed);
    ask.once('response', (answer) => {
      text(answer).then((body) => done({ status: answer.statusCode ?? 0, body }), failed);
    });
    ask.end(sent);
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
  it('allows anonymous requests and has no eviction thresholds, even with drop-ins', async () => {
    await start({ dropIns: { '10-a.conf': { ...KIND, maxPods: 7 } } });
    const config = await configz();
    expect(config).toMatchObject({ ...OPEN, readOnlyPort: 10_255, maxPods: 7 });
    expect(config).toHaveProperty('evictionHard', {});
    expect((await readOnlyPort('/pods')).status).toBe(200);
  });
});

describe('a kubelet with a configuration file', () => {
  it('that is empty refuses anonymous requests', async () => {
    // The kubelet needs an API server for authorization; an unreachable one denies everything.
    const kubeconfig = join(containerd.space.dir, 'kubeconfig');
    await writeFile(kubeconfig, AWAY_KUBECONFIG);
    await start({ file: {}, flags: [`--kubeconfig=${kubeconfig}`] });
    expect((await get('/configz')).status).toBe(401);
    await expect(readOnlyPort('/pods')).rejects.toMatchObject({
      cause: expect.objectContaining({ code: 'ECONNREFUSED' }),
    });
  });

  it('applies the file, then the drop-ins in order, then the flags', async () => {
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

  it('applies default thresholds and dependent defaults', async () => {
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

describe('a kubelet with an invalid configuration', () => {
  const rows: readonly (Given & Readonly<{ name: string; says: readonly (string | RegExp)[] }>)[] =
    [
      {
        name: 'wrong fields in a file, a drop-in and a flag, all at once',
        file: { maxPods: -1, cgroupDriver: 'mine', runOnce: true },
        dropIns: { '10-a.conf': { ...KIND, syncFrequency: 'soon' } },
        flags: ['--image-gc-low-threshold=90'],
        says: [
          /kubelet\.json: 5 problems$/m,
          ...['maxPods', 'cgroupDriver', 'runOnce', 'syncFrequency', 'imageGCLowThresholdPercent'],
        ],
      },
      {
        name: 'wrong flags, all at once',
        flags: ['--cloud-provider=gce', '--node-ip=10.0.0.1,10.0.0.2'],
        says: ['command line: 2 problems', '--cloud-provider', 'bad --node-ip'],
      },
      { name: 'an unknown flag', flags: ['--no-such=1'], says: ['--no-such'] },
      { name: 'a word that is not a flag', flags: ['start'], says: ['start'] },
      {
        name: 'a drop-in without kind',
        dropIns: { '10-a.conf': { maxPods: 3 } },
        says: ['10-a.conf', 'kind'],
      },
      { name: 'an empty drop-in', dropIns: { '10-a.conf': '' }, says: ['10-a.conf'] },
      {
        name: 'a missing directory of drop-ins',
        flags: ['--config-dir=/nonexistent/conf.d'],
        says: ['/nonexistent/conf.d', '--config-dir'],
      },
    ];
  it.each(rows)('reports $name, and changes nothing', async ({ says, ...given }) => {
    const { argv, rootDir } = await write(given);
    const { exitCode, stderr } = await containerd.space.try(argv, { env: ENV });
    for (const words of says) expect(stderr).toMatch(words);
    expect(exitCode).toBe(1);
    expect(existsSync(rootDir)).toBe(false);
  });
});

describe('profiles', () => {
  it('of CPU time and of memory are served', async () => {
    await start({ file: OPEN });
    expect(await get('/debug/pprof/')).toMatchObject({ status: 200 });
    const cpu = await get('/debug/pprof/profile?seconds=1');
    expect(JSON.parse(cpu.body)).toHaveProperty('samples');
    const heap = await get('/debug/pprof/heap');
    expect(JSON.parse(heap.body)).toHaveProperty('snapshot.node_count');
    expect((await get('/debug/pprof/goroutine')).status).toBe(404);
  });

  it('are refused with enableProfilingHandler false', async () => {
    await start({ file: { ...OPEN, enableProfilingHandler: false } });
    expect(await get('/debug/pprof/heap')).toEqual({
      ...{ status: 405, body: 'profiling endpoint is disabled.\n' },
    });
  });

  it('are refused with the other debugging handlers', async () => {
    await start({ file: { ...OPEN, enableDebuggingHandlers: false } });
    expect(await get('/debug/pprof/heap')).toEqual({
      ...{ status: 405, body: 'Debug endpoints are disabled.\n' },
    });
  });
});

describe('the verbosity of logs', () => {
  const PATH = '/debug/flags/v';

  it('changes while the kubelet runs', async () => {
    const started = await start({ file: { ...OPEN, logging: { verbosity: 1 } } });
    const isLogged = (): boolean => started.logTail(10_000).includes('"span ended"');
    expect(isLogged()).toBe(false);
    expect(await send('PUT', PATH, '4')).toEqual({
      ...{ status: 200, body: 'successfully set klog.logging.verbosity to 4' },
    });
    await waitFor(isLogged, { what: 'the calls of the runtime in the log' });
  });

  it('is refused by another method, and as no number', async () => {
    await start({ file: OPEN });
    expect(await get(PATH)).toMatchObject({ status: 406 });
    expect(await send('PUT', PATH, 'much')).toMatchObject({ status: 400 });
    expect(await send('PUT', PATH, '4'.repeat(100_000))).toMatchObject({ status: 413 });
  });

  it('stays as it is with enableDebugFlagsHandler false', async () => {
    await start({ file: { ...OPEN, enableDebugFlagsHandler: false } });
    expect(await send('PUT', PATH, '4')).toEqual({
      ...{ status: 405, body: 'flags endpoint is disabled.\n' },
    });
  });

  it('is a part’s own with --vmodule', async () => {
    const started = await start({ file: OPEN, flags: ['--vmodule=call?=4'] });
    const log = (): string => started.logTail(10_000);
    await waitFor(() => log().includes('"span ended"'), { what: 'the calls of the runtime' });
    expect(log()).not.toContain('the API server answered');
  });

  it('sends information to stdout with split streams', async () => {
    const flags = ['--log-text-split-stream', '--feature-gates=LoggingAlphaOptions=true'];
    const { argv } = await write({ file: OPEN, flags: [...flags, '--maximum-dead-containers=1'] });
    const { stdout, stderr } = await containerd.space.try(['timeout', '8', ...argv], { env: ENV });
    expect(stdout).toMatch(/^(I.*\n)+$/);
    expect(stderr).toMatch(/^(W.*\n)+$/);
  });
});
