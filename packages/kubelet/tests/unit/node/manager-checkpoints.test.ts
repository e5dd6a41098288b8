import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

import { MemoryLogger } from '@nodeagent/base/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { createManagerCheckpoints } from '../../../src/node/adapters/manager-checkpoints.js';
import { warnOfCheckpoints } from '../../../src/node/run/index.js';

const CPU = 'cpu_manager_state';
const MEMORY = 'memory_manager_state';
const DEVICES = 'device-plugins/kubelet_internal_checkpoint';

let rootDir = '';
beforeEach(async () => {
  rootDir = await mkdtemp(join(tmpdir(), 'checkpoints-'));
});
afterEach(async () => {
  await rm(rootDir, { recursive: true });
});

/** Warnings about files with this content, by their name. */
async function warnings(files: Readonly<Record<string, string>>): Promise<readonly unknown[]> {
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(rootDir, name)), { recursive: true });
    await writeFile(join(rootDir, name), text);
  }
  const log = new MemoryLogger();
  await warnOfCheckpoints({ checkpoints: createManagerCheckpoints(rootDir), log });
  return log.lines.map(({ level, fields, message }) => [level, fields['file'], message]);
}

const given = (what: string): unknown =>
  expect.stringMatching(`^another kubelet has given ${what} to containers`);

describe(warnOfCheckpoints, () => {
  it.each([
    ['no files', {}],
    ['policies that give nothing', { [CPU]: '{"policyName":"none","defaultCpuSet":""}' }],
    ['static policies without a container', { [CPU]: '{"policyName":"static","entries":{}}' }],
    ['memory of no container', { [MEMORY]: '{"policyName":"None","machineState":{}}' }],
    ['no device', { [DEVICES]: '{"Data":{"PodDeviceEntries":null,"RegisteredDevices":{}}}' }],
    ['nothing', { [CPU]: 'null', [MEMORY]: '{}', [DEVICES]: '{"Data":null}' }],
  ])('says nothing about %s', async (_what, files) => {
    expect(await warnings(files)).toEqual([]);
  });

  it('names each manager whose containers have something for themselves', async () => {
    expect(
      await warnings({
        [CPU]: '{"policyName":"static","defaultCpuSet":"0-1","entries":{"uid":{"web":"2-3"}}}',
        [MEMORY]: '{"policyName":"Static","podEntries":{"uid":{}}}',
        [DEVICES]: '{"Data":{"PodDeviceEntries":[{"PodUID":"uid"}]}}',
      }),
    ).toEqual([
      ['warn', CPU, given('CPUs')],
      ['warn', MEMORY, given('memory of NUMA nodes')],
      ['warn', DEVICES, given('devices')],
    ]);
  });

  it('says which file it cannot read', async () => {
    expect(await warnings({ [CPU]: '{"policyNa' })).toEqual([
      ['warn', CPU, 'cannot read what another kubelet has given to containers'],
    ]);
  });
});
