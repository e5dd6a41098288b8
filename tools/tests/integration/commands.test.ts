import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import {
  findKubectls,
  runCommand,
  startProcess,
  type TestProcess,
  waitFor,
} from '@nodeagent/testbed';
import { afterEach, beforeEach, expect, it } from 'vitest';

import { blocksOf } from '../../docs/blocks.ts';
import { commandsForTier } from '../../docs/commands.ts';
import { ROOT } from '../../test/process.ts';

const PROGRAMS: Readonly<Record<string, string>> = {
  'csi-controller': 'packages/csi-controller/dist/bin/csi-controller.js',
  'csi-hostpath': 'packages/csi/dist/bin/csi-hostpath.js',
  'kube-proxy': 'dist/bin/kube-proxy',
  'nodeagent-dev-apiserver': 'packages/dev-apiserver/dist/bin/dev-apiserver.js',
};

/** The reader's folder: built programs are found as after an installation. */
let dir: string;
let env: Readonly<Record<string, string>>;
const started: TestProcess[] = [];

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'commands-'));
  const bin = join(dir, 'node_modules/.bin');
  await mkdir(bin, { recursive: true });
  await symlink(join(ROOT, 'dist'), join(dir, 'dist'));
  for (const [name, path] of Object.entries(PROGRAMS)) {
    await symlink(join(ROOT, path), join(bin, name));
  }
  const [kubectl] = await findKubectls();
  await symlink(kubectl?.path ?? '', join(bin, 'kubectl'));
  env = { PATH: `${bin}:${process.env['PATH']}` };
});
afterEach(async () => {
  for (const each of started.splice(0).reverse()) {
    if (each.isRunning()) process.kill(-each.pid, 'SIGTERM');
    await each.stop();
  }
  await rm(dir, { recursive: true });
});

const typed = (text: string): Promise<string> =>
  runCommand(['bash', '-c', text], { cwd: dir, env });
const file = (name: string, content: unknown): Promise<void> =>
  writeFile(join(dir, name), typeof content === 'string' ? content : JSON.stringify(content));

/** Starts a command that goes on. @param inside what comes before it */
async function start(text: string, inside: readonly string[] = []): Promise<TestProcess> {
  const logFile = join(dir, `${started.length}.log`);
  const argv = [...inside, 'bash', '-c', `exec ${text}`];
  const running = await startProcess({ argv, cwd: dir, env, logFile });
  started.push(running);
  return running;
}

async function says(program: TestProcess, words: string): Promise<void> {
  const look = async (): Promise<boolean> => {
    program.assertRunning();
    return (await readFile(program.logFile, 'utf8')).includes(words);
  };
  await waitFor(look, { what: `"${words}" in ${program.logFile}` });
}

async function endsWell(program: TestProcess): Promise<void> {
  program.signal('SIGTERM');
  expect(await program.ended, program.logTail()).toBe(0);
}

/** `/run` and `/var/lib` without the machine's own files. */
const OWN_FOLDERS = [
  ...['unshare', '--mount', '--propagation', 'private', 'sh', '-c'],
  'mount -t tmpfs none /run && mount -t tmpfs none /var/lib && exec "$@"',
  'sh',
];
const HOSTPATH = 'csi-hostpath --endpoint /run/csi-hostpath/csi.sock';

/** By page, a function that runs its commands in their order and looks at what they did. */
const PAGES: Readonly<Record<string, (...commands: readonly string[]) => Promise<void>>> = {
  'packages/csi-controller/README.md': async (controller = '') => {
    const server = await start('nodeagent-dev-apiserver --kubeconfig-dir .');
    await says(server, 'ready');
    const driver = await start(HOSTPATH, OWN_FOLDERS);
    await says(driver, 'serves on');
    const beside = ['nsenter', `--mount=/proc/${driver.pid}/ns/mnt`];
    const program = await start(controller, [
      ...beside,
      'sh',
      '-c',
      `cd '${dir}' && exec "$@"`,
      'sh',
    ]);
    await says(program, 'ready hostpath.csi.nodeagent.dev');
    await endsWell(program);
  },
  'packages/csi/README.md': async (hostpath = '') => {
    const driver = await start(hostpath, OWN_FOLDERS);
    await says(driver, 'hostpath.csi.nodeagent.dev serves on /run/csi-hostpath/csi.sock');
    const root = `/proc/${driver.pid}/root`;
    const registration = 'plugins_registry/hostpath.csi.nodeagent.dev-reg.sock';
    expect(existsSync(`${root}/var/lib/kubelet/${registration}`)).toBe(true);
    await endsWell(driver);
  },
  'packages/dev-apiserver/README.md': async (server = '', kubectl = '') => {
    const running = await start(server);
    await says(running, 'ready https://127.0.0.1:');
    expect(await typed(`${kubectl} -o name`)).toBe('');
    for (const name of ['admin', 'controller-manager', 'kube-proxy', 'kubelet']) {
      expect(existsSync(join(dir, 'cluster', `${name}.kubeconfig`)), name).toBe(true);
    }
    process.kill(-running.pid, 'SIGTERM'); // as Ctrl-C: npx alone would leave the program behind
    await running.ended;
    await waitFor(
      () =>
        typed(kubectl).then(
          () => false,
          () => true,
        ),
      { what: 'its end' },
    );
  },
  'packages/kube-proxy/README.md': async (render = '', trace = '') => {
    await file('cluster.yaml', CLUSTER);
    expect(await typed(render)).toMatch(/^\*nat$[^]*10\.244\.1\.7:8080/m);
    expect(await typed(trace)).toContain('10.244.1.7:8080');
  },
  'packages/kubelet/README.md': async (...commands) => {
    const readme = await readFile(join(ROOT, 'packages/kubelet/README.md'), 'utf8');
    const state = blocksOf(readme).find(({ text }) => text.includes('\nsandboxes:'));
    await file('state.yaml', state?.text ?? 'the README has no state.yaml');
    await file('kubelet.yaml', CONFIG);
    await file('pod.yaml', POD);
    await file('summary.json', {
      node: { memory: { availableBytes: 2 ** 20, workingSetBytes: 2 ** 30 } },
      pods: [],
    });
    await file('pods.json', { items: [{ ...POD, status: { phase: 'Running' } }] });
    const [evict, byDisk, explain, explainState, ...more] = await inOrder(commands);
    expect(evict).toContain('memory.available (hard): 1Mi available');
    expect(JSON.parse(byDisk ?? '')).toMatchObject({ signal: 'nodefs.available' });
    expect(explain).toContain('1. create sandbox, attempt 0');
    expect(JSON.parse(explainState ?? '')).toMatchObject({ pod: { name: 'web' } });
    expect(more).toEqual([]);
  },
};

async function inOrder(commands: readonly string[]): Promise<readonly string[]> {
  const printed: string[] = [];
  for (const text of commands) printed.push(await typed(text));
  return printed;
}

const POD = {
  ...{ apiVersion: 'v1', kind: 'Pod', metadata: { namespace: 'shop', name: 'web', uid: 'u' } },
  spec: { containers: [{ name: 'app', image: 'shop/web:7' }] },
};
const CONFIG = { apiVersion: 'kubelet.config.k8s.io/v1beta1', kind: 'KubeletConfiguration' };
const CLUSTER = {
  ...{ apiVersion: 'v1', kind: 'List' },
  items: [
    {
      ...{ apiVersion: 'v1', kind: 'Service', metadata: { namespace: 'shop', name: 'web' } },
      spec: {
        ...{ clusterIP: '10.96.0.10', clusterIPs: ['10.96.0.10'] },
        ports: [{ port: 80, protocol: 'TCP', targetPort: 8080 }],
      },
    },
    {
      ...{ apiVersion: 'discovery.k8s.io/v1', kind: 'EndpointSlice', addressType: 'IPv4' },
      metadata: {
        ...{ namespace: 'shop', name: 'web-1' },
        labels: { 'kubernetes.io/service-name': 'web' },
      },
      ports: [{ name: '', port: 8080, protocol: 'TCP' }],
      endpoints: [{ addresses: ['10.244.1.7'], conditions: { ready: true }, nodeName: 'node-a' }],
    },
    { apiVersion: 'v1', kind: 'Node', metadata: { name: 'node-a' } },
  ],
};

it.each(commandsForTier('integration'))(
  'the commands of $page do what it says',
  async ({ page, commands }) => {
    const how = PAGES[page];
    if (how === undefined) throw new Error(`${page}: say here how its commands are run`);
    expect(commands.length).toBeGreaterThanOrEqual(Math.max(1, how.length));
    await how(...commands.map(({ text }) => text));
  },
);

it('every page that has a way to run its commands has commands', () => {
  const pages = commandsForTier('integration').map(({ page }) => page);
  expect(Object.keys(PAGES).sort()).toEqual([...pages].sort());
});
