import { rename } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';

import { type Containerd, ifStarted, startContainerd } from '@nodeagent/testbed';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { createCriClient, type CriClient } from '../../src/adapters/grpc.js';
import { openPortForward, openSession, type Session } from '../../src/adapters/streaming.js';
import type { ContainerConfig, ContainerId, SandboxId } from '../../src/index.js';
import { readLog } from '../../src/logs.js';

const { signal } = new AbortController();
const NONE = { tty: false, stdin: false, stdout: false, stderr: false };

let containerd: Containerd;
let client: CriClient;
let pod: SandboxId;
let app: ContainerId;

beforeAll(async () => {
  containerd = await startContainerd({ name: 'cri-streams', images: ['busybox'] });
  client = createCriClient({ endpoint: containerd.endpoint });
  pod = await client.runtime.runPodSandbox({ config: sandboxConfig() }, signal);
  app = await run('app', ['httpd', '-f', '-p', '8080', '-h', '/']);
});

afterAll(async () => {
  ifStarted(client)?.close();
  await ifStarted(containerd)?.stop();
});

function sandboxConfig() {
  return {
    metadata: { name: 'streams', uid: 'u-streams', namespace: 'test', attempt: 0 },
    logDirectory: join(containerd.space.dir, 'logs'),
  };
}

async function run(name: string, command: string[], more: Partial<ContainerConfig> = {}) {
  const config = {
    metadata: { name, attempt: 0 },
    image: { image: 'nodeagent.test/busybox:1' },
    command,
    logPath: `${name}.log`,
    ...more,
  };
  const request = { sandboxId: pod, config, sandboxConfig: sandboxConfig() };
  const id = await client.runtime.createContainer(request, signal);
  await client.runtime.startContainer(id, signal);
  return id;
}

async function exec(script: string, streams: Partial<typeof NONE>): Promise<Session> {
  const asked = { ...NONE, ...streams };
  const request = { containerId: app, command: ['sh', '-c', script], ...asked };
  return openSession(await client.runtime.exec(request, signal), asked, signal);
}

describe('exec', () => {
  it('keeps the outputs apart and reports the exit code', async () => {
    const script = 'echo out; echo err >&2; exit 42';
    const session = await exec(script, { stdout: true, stderr: true });
    const [out, err, code] = await Promise.all([
      text(session.stdout),
      text(session.stderr),
      session.exitCode,
    ]);
    expect([out, err, code]).toEqual(['out\n', 'err\n', 42]);
  });

  it('exchanges text with a command', async () => {
    const session = await exec('read line; echo "heard $line"', { stdin: true, stdout: true });
    session.stdin.write('this\n');
    expect(await text(session.stdout)).toBe('heard this\n');
    expect(await session.exitCode).toBe(0);
  });

  it('fails to end the input when this runtime does not support it', async () => {
    const session = await exec('cat', { stdin: true, stdout: true });
    session.stdin.end('x');
    const outcomes = [text(session.stdout), session.exitCode];
    for (const outcome of outcomes) {
      await expect(outcome).rejects.toMatchObject({ code: 'CRI_STREAM' });
    }
  });

  it('sizes a terminal', async () => {
    const session = await exec('until stty size 2>&1 | grep "45 123"; do sleep 0.02; done', {
      tty: true,
      stdin: true,
      stdout: true,
    });
    session.resize(123, 45);
    expect(await text(session.stdout)).toContain('45 123');
  });

  it('passes 20 MB on to a slow reader without keeping them in memory', async () => {
    const session = await exec('head -c 20000000 /dev/zero', { stdout: true });
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(session.stdout.readableLength).toBeLessThan(1_000_000);
    let bytes = 0;
    for await (const chunk of session.stdout) bytes += (chunk as Buffer).length;
    expect(bytes).toBe(20_000_000);
    expect(await session.exitCode).toBe(0);
  });

  it('closes the session on an abort', async () => {
    const stop = new AbortController();
    const asked = { ...NONE, stdout: true };
    const request = { containerId: app, command: ['sleep', '60'], ...asked };
    const url = await client.runtime.exec(request, signal);
    const session = await openSession(url, asked, stop.signal);
    stop.abort(new Error('enough'));
    await expect(session.exitCode).rejects.toThrow('enough');
  });

  it('reports why a session is refused', async () => {
    const asked = { ...NONE, stdout: true };
    const url = await client.runtime.exec(
      { containerId: app, command: ['true'], ...asked },
      signal,
    );
    await expect(openSession(`${url}x`, asked, signal)).rejects.toMatchObject({
      code: 'CRI_STREAM',
      message: expect.stringContaining('HTTP 404'),
    });
  });
});

describe('attach', () => {
  it("attaches to the container's program", async () => {
    const id = await run('echo', ['sh', '-c', 'read line; echo "attached to $line"; exit 3'], {
      stdin: true,
      stdinOnce: true,
    });
    const asked = { ...NONE, stdin: true, stdout: true };
    const url = await client.runtime.attach({ containerId: id, ...asked }, signal);
    const session = await openSession(url, asked, signal);
    session.stdin.write('me\n');
    expect(await text(session.stdout)).toBe('attached to me\n');
  });
});

describe('port-forward', () => {
  it('connects to a port inside the pod', async () => {
    const url = await client.runtime.portForward({ sandboxId: pod, ports: [8080] }, signal);
    const session = await openPortForward(url, [8080], signal);
    const [connection] = session.connections;
    connection?.write('GET /nothing-here HTTP/1.0\r\n\r\n');
    expect(await text(connection!)).toContain('404 Not Found');
    session.close();
  });

  it('destroys the connection when nothing listens', async () => {
    const url = await client.runtime.portForward({ sandboxId: pod, ports: [8081] }, signal);
    const session = await openPortForward(url, [8081], signal);
    await expect(text(session.connections[0]!)).rejects.toMatchObject({
      code: 'CRI_STREAM',
      message: expect.stringContaining('8081'),
    });
    session.close();
  });
});

describe('logs', () => {
  it("reads containerd's logs, including long lines and rotation", async () => {
    const script = 'head -c 40000 /dev/zero | tr "\\0" x; echo; echo err >&2; read go; echo after';
    const id = await run('writer', ['sh', '-c', script], { stdin: true });
    const { logPath } = await client.runtime.containerStatus(id, signal);
    const isRunning = async (): Promise<boolean> =>
      (await client.runtime.containerStatus(id, signal)).state === 'running';
    let output = '';
    for await (const { stream, data } of readLog(logPath, { follow: true, isRunning }, signal)) {
      output += Buffer.from(data).toString();
      if (stream !== 'stderr') continue;
      await rename(logPath, `${logPath}.1`);
      await client.runtime.reopenContainerLog(id, signal);
      const asked = { ...NONE, stdin: true };
      const url = await client.runtime.attach({ containerId: id, ...asked }, signal);
      (await openSession(url, asked, signal)).stdin.write('go\n');
    }
    expect(output).toHaveLength(40_001 + 'err\n'.length + 'after\n'.length);
    expect(output.endsWith('after\n')).toBe(true);
  });
});
