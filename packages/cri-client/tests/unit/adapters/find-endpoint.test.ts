import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, expect, it } from 'vitest';

import { findEndpoint } from '../../../src/adapters/grpc.js';

let folder: string;
let server: Server;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'nodeagent-endpoint-'));
  server = createServer();
  await new Promise<void>((done) => void server.listen(join(folder, 'b.sock'), done));
});
afterEach(async () => {
  await new Promise((done) => void server.close(done));
  await rm(folder, { recursive: true });
});

it('takes the variable, then the file of crictl, then the first usual socket', async () => {
  const usual = ['a.sock', 'b.sock'].map((name) => `unix://${join(folder, name)}`);
  const configFile = join(folder, 'crictl.yaml');
  const env = { CONTAINER_RUNTIME_ENDPOINT: 'unix:///x.sock' };
  expect(await findEndpoint({ env: {}, configFile, usual })).toBe(usual[1]);
  await writeFile(configFile, 'timeout: 2\nruntime-endpoint: "unix:///y.sock"\n');
  expect(await findEndpoint({ env: {}, configFile, usual })).toBe('unix:///y.sock');
  expect(await findEndpoint({ env: { CRI_CONFIG_FILE: configFile }, usual })).toBe(
    'unix:///y.sock',
  );
  expect(await findEndpoint({ env, configFile, usual })).toBe('unix:///x.sock');
});

it.each([
  ['runtime-endpoint: unix:///a.sock # mine', 'unix:///a.sock'],
  ["image-endpoint: unix:///i.sock\nruntime-endpoint: 'unix:///a.sock'", 'unix:///a.sock'],
  ['runtime-endpoint:', undefined],
  ['runtime-endpoint: ""\ntimeout: 3', undefined],
  ['#runtime-endpoint: unix:///a.sock', undefined],
])('reads %j', async (text, expected) => {
  const configFile = join(folder, 'crictl.yaml');
  await writeFile(configFile, text);
  const usual = [`unix://${join(folder, 'b.sock')}`];
  expect(await findEndpoint({ env: {}, configFile, usual })).toBe(expected ?? usual[0]);
});

it('says which sockets do not exist, and which file cannot be read', async () => {
  const usual = ['unix:///nowhere/at-all.sock'];
  const configFile = join(folder, 'none.yaml');
  await expect(findEndpoint({ env: {}, configFile, usual })).rejects.toMatchObject({
    code: 'CRI_BAD_ENDPOINT',
    message: expect.stringContaining('unix:///nowhere/at-all.sock') as string,
  });
  await expect(findEndpoint({ env: {}, configFile: folder, usual })).rejects.toMatchObject({
    code: 'CRI_BAD_ENDPOINT',
    message: expect.stringContaining(folder) as string,
  });
});
