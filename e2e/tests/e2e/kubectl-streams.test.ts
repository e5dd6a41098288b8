import { type ChildProcess, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { get } from 'node:http';
import { get as getSecurely } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { PODS } from '@nodeagent/kube-client';
import {
  type CommandResult,
  findKubectls,
  type Kubectl,
  tryCommand,
  waitFor,
} from '@nodeagent/testbed';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';

import { useCluster } from './fixture.ts';

const e2e = useCluster();
const never = new AbortController().signal;
const MIB = 1024 * 1024;
/** Amount of data for one session: more than all buffers on the way hold. */
const INPUT_MIB = 1024;
const OUTPUT_MIB = 64;
/** It takes 15 s by itself. */
const LONG_MS = 300_000;

/** One that speaks only SPDY, and one that tries WebSocket first. */
const all = await findKubectls();
const kubectls: readonly Kubectl[] = all.length > 1 ? [all[0]!, all.at(-1)!] : all;

const BUSYBOX = { image: 'nodeagent.test/busybox:1', imagePullPolicy: 'Never' };
const CHATTER =
  'echo first; echo wrong >&2; i=0; while :; do i=$((i+1)); echo "line $i"; sleep 0.2; done';

let dir: string;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'kubectl-'));
  const pod = (name: string, containers: object[], restartPolicy = 'Always') =>
    e2e.client.create(
      PODS,
      {
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { name, namespace: e2e.namespace },
        spec: {
          nodeName: e2e.cluster.nodeName,
          terminationGracePeriodSeconds: 1,
          restartPolicy,
          containers,
        },
      } as never,
      never,
    );
  await pod('box', [
    { name: 'main', ...BUSYBOX, command: ['sh', '-c', CHATTER] },
    { name: 'reader', ...BUSYBOX, command: ['cat'], stdin: true },
  ]);
  await pod('web', [{ name: 'main', image: 'nodeagent.test/web:1', imagePullPolicy: 'Never' }]);
  const crash =
    'if [ -e /life/0 ]; then echo second life; sleep 100000; fi; touch /life/0; echo first life; exit 1';
  await e2e.client.create(
    PODS,
    {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'again', namespace: e2e.namespace },
      spec: {
        nodeName: e2e.cluster.nodeName,
        terminationGracePeriodSeconds: 1,
        volumes: [{ name: 'life', emptyDir: {} }],
        containers: [
          {
            name: 'main',
            ...BUSYBOX,
            command: ['sh', '-c', crash],
            volumeMounts: [{ name: 'life', mountPath: '/life' }],
          },
        ],
      },
    },
    never,
  );
  const runs = (name: string, count: number) =>
    e2e.waitForPod(name, 'to run', ({ status }) => {
      const running = status?.containerStatuses?.filter(
        ({ state }) => state?.running !== undefined,
      );
      return running?.length === count;
    });
  await runs('box', 2);
  await runs('web', 1);
  await e2e.waitForPod('again', 'to be restarted', ({ status }) => {
    const [one] = status?.containerStatuses ?? [];
    return one?.restartCount === 1 && one.state?.running !== undefined;
  });
  const logOf = async (name: string) =>
    (await tryCommand(argvOf(kubectls.at(-1)!, ['logs', name]), { env: environment() })).stdout;
  await waitFor(async () => (await logOf('again')) !== '', {
    what: 'the first word of its second life',
  });
});
afterAll(() => rm(dir, { recursive: true, force: true }));

function argvOf({ path }: Kubectl, args: readonly string[]): readonly string[] {
  return [path, '--kubeconfig', e2e.cluster.kubeconfig, '-n', e2e.namespace, ...args];
}

const environment = () => ({ HOME: dir });

describe.each(kubectls)('kubectl $version', (kubectl) => {
  const run = (args: readonly string[], input?: Uint8Array): Promise<CommandResult> => {
    const options = { env: environment(), timeoutMs: 110_000, ...(input && { input }) };
    return tryCommand(argvOf(kubectl, args), options);
  };
  const output = async (...args: readonly string[]): Promise<string> => {
    const { exitCode, stdout, stderr } = await run(args);
    expect([exitCode, stderr]).toEqual([0, '']);
    return stdout;
  };
  const start = (args: readonly string[]): ChildProcess => {
    const [program = '', ...rest] = argvOf(kubectl, args);
    return spawn(program, rest, { env: { ...process.env, ...environment() } });
  };

  describe('logs', () => {
    it('shows the whole log of both streams', async () => {
      const isWhole = async () => {
        const lines = (await output('logs', 'box', '-c', 'main')).split('\n');
        return lines.includes('first') && lines.includes('wrong');
      };
      await waitFor(isWhole, { what: 'words of both streams' });
    });

    it('shows the requested number of last lines', async () => {
      await waitFor(async () => (await output('logs', 'box', '-c', 'main')).includes('line 5'), {
        what: 'five lines',
      });
      const lines = (await output('logs', 'box', '-c', 'main', '--tail=3')).trim().split('\n');
      expect(lines).toHaveLength(3);
      const first = Number(lines[0]?.replace('line ', ''));
      expect(lines).toEqual([0, 1, 2].map((i) => `line ${first + i}`));
    });

    it('shows times', async () => {
      const text = await output('logs', 'box', '-c', 'main', '--timestamps', '--tail=1');
      expect(text).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}(Z|[+-]\d\d:\d\d) line \d+\n$/);
    });

    it('shows nothing older than requested', async () => {
      const recent = () => output('logs', 'again', '--since=1s');
      await waitFor(async () => (await recent()) === '', { what: 'the line to be older' });
      expect(await output('logs', 'again', '--since-time=2020-01-01T00:00:00Z')).toBe(
        'second life\n',
      );
    });

    it('shows no more bytes than requested', async () => {
      expect(await output('logs', 'again', '--limit-bytes=6')).toBe('second');
    });

    it('shows the previous container', async () => {
      expect(await output('logs', 'again')).toBe('second life\n');
      expect(await output('logs', 'again', '--previous')).toBe('first life\n');
    });

    it('follows', async () => {
      const child = start(['logs', '-f', 'box', '-c', 'main', '--tail=1']);
      let text = '';
      child.stdout?.on('data', (chunk) => (text += String(chunk)));
      await waitFor(() => text.split('\n').length > 4, { what: 'new lines' });
      child.kill();
      await once(child, 'exit');
    });

    it('names the existing containers', async () => {
      const { exitCode, stderr } = await run(['logs', 'box', '-c', 'none']);
      expect(exitCode).toBe(1);
      expect(stderr).toContain('container none is not valid for pod box');
    });

    it('reports that there is no previous container', async () => {
      const { exitCode, stderr } = await run(['logs', 'web', '--previous']);
      expect(exitCode).toBe(1);
      expect(stderr).toMatch(/previous terminated container "main" in pod "web" not found/);
    });
  });

  describe('exec', () => {
    it('keeps the streams apart and passes on the exit code', async () => {
      const script = 'echo out; echo err >&2; exit 3';
      const { exitCode, stdout, stderr } = await run([
        'exec',
        'box',
        '-c',
        'main',
        '--',
        'sh',
        '-c',
        script,
      ]);
      expect([exitCode, stdout]).toEqual([3, 'out\n']);
      expect(stderr).toMatch(/^err\n/);
    });

    it(`takes ${INPUT_MIB} MiB of input to its end, intact`, { timeout: LONG_MS }, async () => {
      const child = start(['exec', '-i', 'box', '-c', 'main', '--', 'sha256sum']);
      const hash = createHash('sha256');
      let text = '';
      child.stdout?.on('data', (chunk) => (text += String(chunk)));
      child.stderr?.on('data', (chunk) => (text += String(chunk)));
      const ended = once(child, 'close');
      for (let i = 0; i < INPUT_MIB; i += 1) {
        const block = Buffer.alloc(MIB, `block ${i} `);
        hash.update(block);
        if (child.stdin?.write(block) === false) await once(child.stdin, 'drain');
      }
      child.stdin?.end();
      await ended;
      expect(text).toBe(`${hash.digest('hex')}  -\n`);
    });

    it(`gives ${OUTPUT_MIB} MiB of output, intact`, async () => {
      const script = `dd if=/dev/zero bs=1M count=${OUTPUT_MIB} 2>/dev/null`;
      const child = start(['exec', 'box', '-c', 'main', '--', 'sh', '-c', script]);
      let bytes = 0;
      child.stdout?.on('data', (chunk: Buffer) => (bytes += chunk.length));
      await once(child, 'close');
      expect(bytes).toBe(OUTPUT_MIB * MIB);
    });

    it('has a terminal that follows the size of ours', async () => {
      // the command may start before the first size reaches it
      const until = (size: string): string =>
        `until [ "$(stty size)" = "${size}" ]; do sleep 0.1; done`;
      const words = [...argvOf(kubectl, ['exec', '-it', 'box', '-c', 'main', '--', 'sh', '-c'])];
      const command = [
        ...words,
        `${until('33 101')}; echo began at $(stty size); ${until('44 122')}; echo resized`,
      ]
        .map((word) => `'${word}'`)
        .join(' ');
      const outside = join(dir, 'terminal.sh');
      // the size changes once the command has reported its first size
      const watch = `until grep -q "began at 33 101" ${dir}/typescript; do sleep 0.1; done`;
      await writeFile(
        outside,
        `stty rows 33 cols 101\nterminal=$(tty)\n(${watch}; stty -F "$terminal" rows 44 cols 122) &\n${command}\n`,
      );
      await rm(join(dir, 'typescript'), { force: true });
      await writeFile(join(dir, 'typescript'), '');
      const argv = ['script', '-qefc', `sh ${outside}`, join(dir, 'typescript')];
      const { exitCode, stdout } = await tryCommand(argv, { env: environment() });
      expect(stdout).toContain('began at 33 101');
      expect(stdout).toContain('resized');
      expect(exitCode).toBe(0);
    });

    it('reports a missing command', async () => {
      const { exitCode, stderr } = await run([
        'exec',
        'box',
        '-c',
        'main',
        '--',
        'no-such-command',
      ]);
      expect(exitCode).not.toBe(0);
      expect(stderr).toContain('no-such-command');
    });
  });

  it('attach joins the running program and detaches from it', async () => {
    const child = start(['attach', '-i', 'box', '-c', 'reader']);
    let text = '';
    child.stdout?.on('data', (chunk) => (text += String(chunk)));
    // output from before the session is lost, so it is repeated until it is received
    const word = `hello from ${kubectl.version}`;
    await waitFor(
      () => {
        child.stdin?.write(`${word}\n`);
        return text.includes(word);
      },
      { what: 'an echo', everyMs: 500 },
    );
    child.kill();
    await once(child, 'exit');
    const { status } = await e2e.getPod('box');
    expect(status?.containerStatuses?.map(({ restartCount }) => restartCount)).toEqual([0, 0]);
  });

  it('cp copies a tree there and back', async () => {
    const [there, back] = [
      join(dir, `there-${kubectl.version}`),
      join(dir, `back-${kubectl.version}`),
    ];
    await mkdir(join(there, 'a/b'), { recursive: true });
    const big = Buffer.alloc(5 * MIB, 'tree ');
    await writeFile(join(there, 'top.txt'), 'top\n');
    await writeFile(join(there, 'a/b/big.bin'), big);
    const inside = `/tmp/tree-${kubectl.version}`;
    const to = await run(['cp', there, `box:${inside}`, '-c', 'main']);
    expect([to.exitCode, to.stderr]).toEqual([0, '']);
    const from = await run(['cp', `box:${inside}`, back, '-c', 'main']);
    expect(from.exitCode).toBe(0);
    expect(await readFile(join(back, 'top.txt'), 'utf8')).toBe('top\n');
    expect(big.equals(await readFile(join(back, 'a/b/big.bin')))).toBe(true);
  });

  it('port-forward carries 100 connections at a time', async () => {
    const child = start(['port-forward', 'pod/web', ':8080']);
    let text = '';
    child.stdout?.on('data', (chunk) => (text += String(chunk)));
    child.stderr?.on('data', (chunk) => (text += String(chunk)));
    const port = await waitFor(() => /127\.0\.0\.1:(\d+) -> 8080/.exec(text)?.[1], {
      what: 'the forwarded port',
    });
    const answers = await Promise.all(
      Array.from({ length: 100 }, () => fetchText(`http://127.0.0.1:${port}/`)),
    );
    expect(new Set(answers)).toEqual(new Set(['web\n']));
    child.kill();
    await once(child, 'exit');
  });
});

describe('a WebSocket to the node itself', () => {
  let token: string;
  beforeAll(async () => {
    const admin = async (...args: readonly string[]) => {
      const { exitCode, stdout, stderr } = await tryCommand(argvOf(kubectls.at(-1)!, args), {
        env: environment(),
      });
      expect([exitCode, stderr]).toEqual([0, '']);
      return stdout.trim();
    };
    const account = `--serviceaccount=${e2e.namespace}:default`;
    await admin(
      'create',
      'clusterrolebinding',
      e2e.namespace,
      '--clusterrole=cluster-admin',
      account,
    );
    token = await admin('create', 'token', 'default');
  });

  /** Connects as a browser would, which can send a token only in the sub-protocols. */
  async function exec(shown: string, script: string, input?: readonly string[]) {
    const { nodeIp } = e2e.cluster.space.network;
    const query = new URLSearchParams([
      ...['sh', '-c', script].map((word): [string, string] => ['command', word]),
      ...['output', 'error', ...(input ? ['input'] : [])].map((stream): [string, string] => [
        stream,
        '1',
      ]),
    ]);
    const url = `wss://${nodeIp}:10250/exec/${e2e.namespace}/box/main?${query.toString()}`;
    const encoded = Buffer.from(shown).toString('base64url');
    const protocols = [`base64url.bearer.authorization.k8s.io.${encoded}`, 'v5.channel.k8s.io'];
    const socket = new WebSocket(url, protocols, { rejectUnauthorized: false });
    const said = new Map<number, string>();
    socket.on('message', (message: Buffer) => {
      const [channel = -1] = message;
      said.set(channel, (said.get(channel) ?? '') + message.subarray(1).toString());
    });
    socket.once('open', () => {
      for (const text of input ?? []) socket.send(Buffer.from(`\0${text}`));
      if (input !== undefined) socket.send(Buffer.from([255, 0]));
    });
    await once(socket, 'close');
    const status = JSON.parse(said.get(3) ?? 'null') as object;
    return { protocol: socket.protocol, out: said.get(1), err: said.get(2), status };
  }

  it('keeps streams apart, ends the input, and reports how the command ended', async () => {
    const script = 'echo wrong >&2; cat; exit 7';
    expect(await exec(token, script, ['one ', 'two'])).toEqual({
      ...{ protocol: 'v5.channel.k8s.io', out: 'one two', err: 'wrong\n' },
      status: expect.objectContaining({
        ...{ status: 'Failure', reason: 'NonZeroExitCode' },
        details: { causes: [{ reason: 'ExitCode', message: '7' }] },
      }),
    });
    expect((await exec(token, 'true')).status).toMatchObject({ status: 'Success' });
  });

  it('is counted', async () => {
    const url = `/api/v1/nodes/${e2e.cluster.nodeName}/proxy/metrics`;
    const get = argvOf(kubectls.at(-1)!, ['get', '--raw', url]);
    const { stdout } = await tryCommand(get, { env: environment() });
    expect(stdout).toMatch(
      /^kubelet_websocket_streaming_requests_total\{subresource="exec"\} [1-9]/m,
    );
  });

  it('is refused with an unknown token', async () => {
    await expect(exec('unknown', 'true')).rejects.toThrow('401');
  });
});

describe('kubectl debug', () => {
  it('inspects a pod with an ephemeral container', async () => {
    const kubectl = kubectls.at(-1)!;
    const args = ['debug', 'web', `--image=${BUSYBOX.image}`, '--image-pull-policy=Never'];
    const debug = [...args, '--container=look', '--', 'sh', '-c', 'wget -q -O - localhost:8080'];
    const made = await tryCommand(argvOf(kubectl, debug), { env: environment() });
    expect(made.exitCode).toBe(0);
    const ask = argvOf(kubectl, ['logs', 'web', '-c', 'look']);
    const text = await waitFor(
      async () => (await tryCommand(ask, { env: environment() })).stdout || undefined,
      { what: 'what the container saw' },
    );
    expect(text).toBe('web\n');
  });
});

describe('the way through the API server', () => {
  it('opens the whole node API to clients with the right nodes/proxy', async () => {
    const kubectl = kubectls.at(-1)!;
    const raw = async (path: string) => {
      const url = `/api/v1/nodes/${e2e.cluster.nodeName}/proxy${path}`;
      return (await tryCommand(argvOf(kubectl, ['get', '--raw', url]), { env: environment() }))
        .stdout;
    };
    expect(await raw('/healthz')).toBe('ok');
    expect(await raw('/pods')).toContain('"kind":"PodList"');
    expect(await raw('/runningpods/')).toContain('"name":"box"');
    expect(await raw('/metrics')).toMatch(/^kubelet_http_requests_total\{/m);
    expect(await raw('/configz')).toContain('"kubeletconfig":{');
  });

  it('is the only one: the node itself refuses unauthenticated clients', async () => {
    const { nodeIp } = e2e.cluster.space.network;
    const { promise, resolve, reject } = Promise.withResolvers<number | undefined>();
    const options = { rejectUnauthorized: false, agent: false };
    getSecurely(`https://${nodeIp}:10250/pods`, options, (response) => {
      resolve(response.resume().statusCode);
    }).on('error', reject);
    expect(await promise).toBe(401);
  });
});

function fetchText(url: string): Promise<string> {
  return new Promise((resolve, reject) => {
    get(url, { agent: false }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
      response.on('end', () => resolve(text));
      response.on('error', reject);
    }).on('error', reject);
  });
}
