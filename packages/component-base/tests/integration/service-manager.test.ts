import { execFile, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';

import { waitFor } from '@nodeagent/testbed';
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest';

import { takeServiceManager } from '../../src/adapters/process.js';

/** Prints what arrives at a datagram socket, a line each; `@` stands for an abstract address. */
const RECEIVER = `
  use Socket; $| = 1; my $path = shift; $path =~ s/^@/\\0/;
  socket(my $socket, AF_UNIX, SOCK_DGRAM, 0) or die; bind($socket, pack_sockaddr_un($path)) or die;
  print "bound\\n"; while (defined recv($socket, my $text, 4096, 0)) { print "$text\\n" if length $text }
`;

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'service-manager-'));
});
afterEach(() => rm(dir, { recursive: true }));

async function listen(address: string): Promise<readonly string[]> {
  const receiver = spawn('perl', ['-e', RECEIVER, address], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  onTestFinished(() => void receiver.kill());
  const lines: string[] = [];
  createInterface({ input: receiver.stdout }).on('line', (line) => lines.push(line));
  await waitFor(() => Promise.resolve(lines.shift() === 'bound'), { what: 'the receiver' });
  return lines;
}

describe(takeServiceManager, () => {
  it.each(['path', 'abstract'])('reaches a socket with a name of the kind: %s', async (kind) => {
    const address = kind === 'path' ? join(dir, 'notify') : `@${dir}`;
    const lines = await listen(address);
    const manager = takeServiceManager({ ...process.env, NOTIFY_SOCKET: address });
    await manager?.notify('READY=1');
    await waitFor(() => Promise.resolve(lines.includes('READY=1')), { what: 'the message' });
  });

  it('fails when nobody listens', async () => {
    const manager = takeServiceManager({ ...process.env, NOTIFY_SOCKET: join(dir, 'nobody') });
    await expect(manager?.notify('READY=1')).rejects.toThrow('systemd-notify');
  });

  it('takes its variables away from children', async () => {
    const env = {
      ...process.env,
      NOTIFY_SOCKET: join(dir, 'notify'),
      WATCHDOG_USEC: '20000000',
      WATCHDOG_PID: `${process.pid}`,
    };
    expect(takeServiceManager(env)).toMatchObject({ watchdogMs: 20_000 });
    const { stdout } = await promisify(execFile)('env', { env });
    expect(stdout).not.toMatch(/NOTIFY_SOCKET|WATCHDOG/);
  });

  it('is absent outside a service', () => {
    expect(takeServiceManager({})).toBeUndefined();
  });
});
