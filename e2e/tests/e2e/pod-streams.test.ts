import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { get } from 'node:http';
import { connect } from 'node:net';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';

import { PODS } from '@nodeagent/kube-client';
import { createKubeClient, type HttpKubeClient } from '@nodeagent/kube-client/http';
import { loadKubeconfig } from '@nodeagent/kube-client/kubeconfig';
import { waitFor } from '@nodeagent/testbed';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { useCluster } from './fixture.ts';

const e2e = useCluster();
const MIB = 1024 * 1024;
/** Amount of data for one session: more than all buffers on the way hold. */
const MUCH_MIB = 64;
const PORT = 8080;
const BUSYBOX = { image: 'nodeagent.test/busybox:1', imagePullPolicy: 'Never' };

let client: HttpKubeClient;
const named = (name: string) => ({ namespace: e2e.namespace, name });

beforeAll(async () => {
  client = createKubeClient(await loadKubeconfig({ path: e2e.cluster.kubeconfig }));
  const echo = 'while read line; do echo "got $line"; done';
  await e2e.createPod({ name: 'box', container: { ...BUSYBOX, command: ['sleep', '100000'] } });
  await e2e.createPod({
    name: 'reader',
    container: { ...BUSYBOX, command: ['sh', '-c', echo], stdin: true },
  });
  await e2e.createPod({ name: 'web', container: {} });
  for (const name of ['box', 'reader', 'web']) {
    await e2e.waitForPod(
      name,
      'to run',
      ({ status }) => status?.containerStatuses?.[0]?.state?.running !== undefined,
    );
  }
});
afterAll(() => client.close());

const sh = (script: string) => ({ command: ['sh', '-c', script] });

describe('exec', () => {
  it('keeps the streams apart and gives the exit code', async () => {
    const result = await client.runCommand(named('box'), sh('echo out; echo err >&2; exit 3'));
    expect(result).toEqual({ exitCode: 3, stdout: 'out\n', stderr: 'err\n' });
  });

  it('passes arguments on as they are, empty ones too', async () => {
    const words = ['printf', '[%s]', 'a b', '', '&=?', 'é', '$HOME'];
    const { stdout } = await client.runCommand(named('box'), { command: words });
    expect(stdout).toBe('[a b][][&=?][é][$HOME]');
  });

  it('gives the command its input to the end', async () => {
    const command = { ...sh('cat; echo over'), stdin: 'typed\n' };
    const { stdout } = await client.runCommand(named('box'), command);
    expect(stdout).toBe('typed\nover\n');
  });

  it(`takes and gives ${MUCH_MIB} MiB, intact`, { timeout: 120_000 }, async () => {
    const sent = createHash('sha256');
    const session = await client.exec(named('box'), { command: ['cat'], stdin: true });
    const blocks = function* (): Generator<Buffer> {
      for (let i = 0; i < MUCH_MIB; i += 1) {
        const block = Buffer.alloc(MIB, `block ${i} `);
        sent.update(block);
        yield block;
      }
    };
    const received = createHash('sha256');
    await Promise.all([
      pipeline(Readable.from(blocks()), session.stdin),
      pipeline(session.stdout, received),
    ]);
    expect(received.digest('hex')).toBe(sent.digest('hex'));
    expect(await session.exitCode).toBe(0);
  });

  it('has a terminal whose size changes', async () => {
    const until = (size: string): string =>
      `until [ "$(stty size 2>/dev/null)" = "${size}" ]; do sleep 0.1; done`;
    const script = `${until('33 101')}; echo began; ${until('44 122')}; echo resized; tty >&2`;
    const session = await client.exec(named('box'), { ...sh(script), tty: true });
    let said = '';
    session.stdout.on('data', (chunk) => {
      said += String(chunk);
      if (said.includes('began')) session.resize(122, 44);
    });
    session.resize(101, 33);
    expect(await session.exitCode).toBe(0);
    expect(said).toMatch(/^began\r\nresized\r\n\/dev\/pts\/\d+\r\n$/);
  });

  it('runs several commands at a time', async () => {
    const all = await Promise.all(
      Array.from({ length: 30 }, (_, i) =>
        client.runCommand(named('box'), sh(`echo ${i}; exit ${i}`)),
      ),
    );
    expect(all.map(({ exitCode, stdout }) => [exitCode, stdout])).toEqual(
      Array.from({ length: 30 }, (_, i) => [i, `${i}\n`]),
    );
  });

  it('ends with its signal', async () => {
    const stop = new AbortController();
    const session = await client.exec(named('box'), sh('echo $$; exec sleep 1000'), stop.signal);
    await once(session.stdout, 'data');
    stop.abort(new Error('enough'));
    await expect(session.exitCode).rejects.toThrow('enough');
  });

  it('gives up output that is too long', async () => {
    const much = { ...sh('cat /dev/zero'), maxOutputBytes: 100_000 };
    await expect(client.runCommand(named('box'), much)).rejects.toMatchObject({
      code: 'KUBE_PROTOCOL',
      message: expect.stringContaining('longer than 100000 bytes') as string,
    });
  });

  it.each([
    ['a pod that does not exist', 'nobody', {}, 'KUBE_NOT_FOUND'],
    ['a container that does not exist', 'box', { container: 'none' }, 'KUBE_INVALID'],
  ])('is refused for %s', async (_, pod, options, code) => {
    const refused = client.exec(named(pod), { command: ['true'], ...options });
    await expect(refused).rejects.toMatchObject({ code });
  });

  it('reports a program that does not exist', async () => {
    const missing = client.runCommand(named('box'), { command: ['no-such-program'] });
    await expect(missing).rejects.toMatchObject({
      code: 'KUBE_SERVER',
      message: expect.stringContaining('no-such-program') as string,
    });
  });
});

it('attach joins the running program and leaves it running', async () => {
  const session = await client.attach(named('reader'), { stdin: true });
  let said = '';
  session.stdout.on('data', (chunk) => (said += String(chunk)));
  await waitFor(
    () => {
      session.stdin.write('hello\n');
      return said.includes('got hello\n');
    },
    { what: 'an echo', everyMs: 200 },
  );
  session.close();
  await expect(session.exitCode).rejects.toMatchObject({ code: 'KUBE_UNAVAILABLE' });
  const { status } = await e2e.getPod('reader');
  expect(status?.containerStatuses?.[0]).toMatchObject({ restartCount: 0, ready: true });
});

describe('silence', () => {
  let impatient: HttpKubeClient;
  beforeAll(async () => {
    const connection = await loadKubeconfig({ path: e2e.cluster.kubeconfig });
    impatient = createKubeClient(connection, { sessionPings: { everyMs: 100, patienceMs: 3000 } });
  });
  afterAll(() => impatient.close());

  it('of a command does not end its session', { timeout: 30_000 }, async () => {
    const result = await impatient.runCommand(named('box'), sh('sleep 6; echo over'));
    expect(result).toEqual({ exitCode: 0, stdout: 'over\n', stderr: '' });
  });

  it(
    'of a command that reads its input late does not end its session',
    { timeout: 30_000 },
    async () => {
      const stdin = Buffer.alloc(16 * MIB);
      const late = { ...sh('sleep 6; wc -c'), stdin };
      expect(await impatient.runCommand(named('box'), late)).toMatchObject({
        stdout: `${stdin.length}\n`,
      });
    },
  );

  it('of a connection does not end it', { timeout: 30_000 }, async () => {
    const idle = await impatient.portForward(named('web'), PORT);
    await impatient.runCommand(named('box'), sh('sleep 6'));
    idle.write('GET / HTTP/1.0\r\n\r\n');
    expect(await text(idle)).toContain('web\n');
  });
});

describe('port-forward', () => {
  it('gives a connection', async () => {
    const connection = await client.portForward(named('web'), PORT);
    connection.write('GET / HTTP/1.0\r\n\r\n');
    expect(await text(connection)).toMatch(/^HTTP\/1\.[01] 200 OK\r\n[^]*\r\n\r\nweb\n$/);
  });

  it('serves 50 local connections at a time', async () => {
    await using local = await client.forwardLocalPort(named('web'), PORT);
    const url = `http://${local.host}:${local.port}/`;
    const answers = await Promise.all(Array.from({ length: 50 }, () => fetchText(url)));
    expect(new Set(answers)).toEqual(new Set(['web\n']));
  });

  it(`carries ${MUCH_MIB} MiB both ways, intact`, { timeout: 120_000 }, async () => {
    const port = 9000;
    const serve = `nc -l -p ${port} -e cat`;
    const serving = await client.exec(named('box'), sh(serve));
    await waitFor(
      async () =>
        (await client.runCommand(named('box'), sh(`netstat -tln | grep :${port}`))).exitCode === 0,
      { what: 'the server in the pod' },
    );
    await using local = await client.forwardLocalPort(named('box'), port);
    const socket = connect(local.port, local.host);
    const sent = createHash('sha256');
    const received = createHash('sha256');
    let bytes = 0;
    socket.on('data', (chunk) => {
      received.update(chunk);
      bytes += chunk.length;
      if (bytes === MUCH_MIB * MIB) socket.destroy();
    });
    for (let i = 0; i < MUCH_MIB; i += 1) {
      const block = Buffer.alloc(MIB, `block ${i} `);
      sent.update(block);
      if (!socket.write(block)) await once(socket, 'drain');
    }
    await once(socket, 'close');
    expect(bytes).toBe(MUCH_MIB * MIB);
    expect(received.digest('hex')).toBe(sent.digest('hex'));
    await local.close();
    expect(await serving.exitCode).toBe(0); // it saw the end of its connection
  });

  it('reports a port where nothing listens, and goes on', async () => {
    const connection = await client.portForward(named('web'), 9);
    await expect(text(connection)).rejects.toMatchObject({
      code: 'KUBE_SERVER',
      message: expect.stringContaining('refused') as string,
    });
    const errors: unknown[] = [];
    await using local = await client.forwardLocalPort(named('web'), 9, {
      onError: (error) => errors.push(error),
    });
    await expect(fetchText(`http://127.0.0.1:${local.port}/`)).rejects.toThrow('ECONNRESET');
    await waitFor(() => errors.length === 1, { what: 'the error' });
  });

  it('ends its connections when the pod is deleted', async () => {
    await e2e.createPod({ name: 'gone', container: {} });
    const isReady = (name: string) =>
      e2e.waitForPod(
        name,
        'to run',
        ({ status }) => status?.containerStatuses?.[0]?.ready === true,
      );
    await isReady('gone');
    const connection = await client.portForward(named('gone'), PORT);
    connection.write('GET / HTTP/1.1\r\nhost: web\r\n\r\n');
    await once(connection, 'data');
    connection.resume();
    await client.delete(PODS, named('gone'), {}, AbortSignal.timeout(10_000));
    await once(connection, 'close');
    await waitFor(
      () =>
        client.portForward(named('gone'), PORT).then(
          () => false,
          (error: unknown) => (error as { code?: string }).code === 'KUBE_NOT_FOUND',
        ),
      { what: 'the pod to be gone' },
    );
  });
});

function fetchText(url: string): Promise<string> {
  return new Promise((resolve, reject) => {
    get(url, { agent: false }, (response) => {
      text(response).then(resolve, reject);
    }).on('error', reject);
  });
}
