import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { setTimeout } from 'node:timers/promises';

import { takeDescriptors, waitFor } from '@nodeagent/testbed';
import { afterAll, beforeAll, expect, it } from 'vitest';

import { runtime as proto } from '../../src/adapters/generated/runtime-v1.js';
import { createCriClient } from '../../src/adapters/grpc.js';

/** A runtime in another process, which has descriptors: it comes and goes as it is told. */
const RUNTIME = `
  const [, path, reply] = process.argv;
  const server = require('node:http2').createServer();
  const sessions = new Set();
  server.on('session', (session) => sessions.add(session.on('error', () => {})));
  server.on('stream', (stream) => {
    stream.on('error', () => {});
    stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
    stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
    stream.end(Buffer.from(reply, 'base64'));
  });
  process.stdin.on('data', (data) => {
    if (String(data) === 'up') return server.listen(path, () => process.stdout.write('done'));
    for (const session of sessions) session.destroy();
    sessions.clear();
    server.close(() => process.stdout.write('done'));
  });
`;

const VERSION = proto.v1.VersionResponse.encode({
  ...{ version: '0.1.0', runtimeName: 'fake', runtimeVersion: '1', runtimeApiVersion: 'v1' },
}).finish();

let dir: string;
let child: ChildProcessByStdio<Writable, Readable, null>;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'cri-client-'));
  const frame = Buffer.alloc(5 + VERSION.length); // gRPC over HTTP/2: a flag, the length, the message
  frame.writeUInt32BE(VERSION.length, 1);
  frame.set(VERSION, 5);
  const args = ['-e', RUNTIME, join(dir, 'runtime.sock'), frame.toString('base64')];
  child = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'inherit'] });
});
afterAll(async () => {
  child.kill();
  await rm(dir, { recursive: true });
});

async function tell(word: 'up' | 'down'): Promise<void> {
  const done = once(child.stdout, 'data');
  child.stdin.write(word);
  await done;
}

/** Tells whether the rest of the program could take a descriptor now. */
function isFree(): boolean {
  try {
    closeSync(openSync('/dev/null', 'r'));
    return true;
  } catch (error) {
    expect(error).toMatchObject({ code: 'EMFILE' });
    return false;
  }
}

it('a client without a free descriptor finds the runtime each time that it returns', async () => {
  const endpoint = `unix://${join(dir, 'runtime.sock')}`;
  const { signal } = new AbortController();
  const { runtime, close } = createCriClient({ endpoint });
  const isAway = () =>
    expect(runtime.version(signal)).rejects.toMatchObject({ code: 'CRI_UNAVAILABLE' });
  await isAway();
  const taken = await takeDescriptors(process.pid);
  try {
    for (let round = 0; round < 3; round += 1) {
      for (let failures = 0; failures < 20; failures += 1) {
        await isAway();
        await setTimeout(10);
        expect(isFree()).toBe(false);
      }
      await tell('up');
      await waitFor(() => runtime.version(signal), { what: 'an answer' });
      await tell('down');
      await isAway();
      await waitFor(() => !isFree(), { what: 'its descriptor to be held back again' });
    }
    await tell('up');
    await waitFor(() => runtime.version(signal), { what: 'an answer' });
    const late = createCriClient({ endpoint });
    await expect(late.runtime.version(signal)).rejects.toThrow('EMFILE');
    late.close();
  } finally {
    await taken.giveBack();
    close();
  }
});
