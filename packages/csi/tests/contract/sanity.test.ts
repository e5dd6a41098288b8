import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { createCsiClient, type CsiClient } from '../../src/client.js';
import type { CsiServices } from '../../src/index.js';
import { serveDriver } from '../../src/server.js';
import {
  connectInMemory,
  createMemoryDriver,
  runSanityCase,
  SANITY_CASES,
  type SanityOptions,
} from '../../src/testing/index.js';

const forever = new AbortController().signal;
let dir: string;
let client: CsiClient;
let stop: () => Promise<void>;
let count = 0;

const options: SanityOptions = {
  newName: () => `volume-${(count += 1)}`,
  newTargetPath: async () => join(dir, `target-${(count += 1)}`),
  newStagingPath: async () => {
    const path = join(dir, `staging-${(count += 1)}`);
    await mkdir(path);
    return path;
  },
};

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'csi-sanity-'));
  const socketPath = join(dir, 'csi.sock');
  const server = await serveDriver(createMemoryDriver(), { socketPath });
  client = createCsiClient({ socketPath });
  stop = () => server.close(100);
});
afterAll(async () => {
  client.close();
  await stop();
  await rm(dir, { recursive: true });
});

const inMemory = connectInMemory(createMemoryDriver());

describe.each<[string, () => CsiServices]>([
  ['over its socket', () => client],
  ['in memory', () => inMemory],
])('the driver in memory, %s,', (_, services) => {
  it.each(SANITY_CASES)('$name', async (one) => {
    expect(await runSanityCase(one, services(), options, forever)).toBe(true);
  });
});
