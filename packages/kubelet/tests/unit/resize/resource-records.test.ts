import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { MemoryLogger } from '@nodeagent/base/testing';
import { describe, expect, it, onTestFinished, vi } from 'vitest';

import { CheckpointError } from '../../../src/pod/model/errors.js';
import type { ResourceRecordFile } from '../../../src/pod/ports.js';
import { createResourceRecordFile } from '../../../src/resize/adapters/resource-record-file.js';
import { ResourceRecords } from '../../../src/resize/run/index.js';

class Disk implements ResourceRecordFile {
  readonly path = '/root/allocated_pods_state';
  text: string | undefined;
  readonly writes: string[] = [];
  problem: Error | undefined;

  async read(): Promise<string | undefined> {
    return this.text;
  }

  async write(text: string, until: string): Promise<void> {
    this.writes.push(until);
    if (this.problem !== undefined) throw this.problem;
    this.text = text;
  }
}

const log = new MemoryLogger();
const open = (allocated: ResourceRecordFile): Promise<ResourceRecords> =>
  ResourceRecords.open({ allocated, actuated: new Disk(), log });
const given = (cpu: string) => ({ containers: { app: { requests: { cpu } } } });

const WRITTEN =
  '{"data":"{\\"entries\\":{\\"u1\\":{\\"ContainerResources\\":{\\"app\\":{\\"requests\\":' +
  '{\\"cpu\\":\\"1\\"}}},\\"PodLevelResources\\":null}}}","checksum":';

describe(ResourceRecords, () => {
  it('are on disk in the format of other kubelets', async () => {
    const disk = new Disk();
    const records = await open(disk);
    records.setAllocated('u1', given('1'));
    await records.saved();
    expect(disk.text?.startsWith(WRITTEN)).toBe(true);
    expect((await open(disk)).allocated('u1')).toEqual(given('1'));
  });

  it('ignore and forget a pod whose uid would leave its directory', async () => {
    const disk = new Disk();
    const records = await open(disk);
    records.setAllocated('..', given('1'));
    records.setAllocated('u1', given('1'));
    expect(await records.pods()).toEqual(['u1']);
    await records.sweep();
    await records.saved();
    expect((await open(disk)).allocated('..')).toBeUndefined();
  });

  it('are written together when they change together', async () => {
    const disk = new Disk();
    const records = await open(disk);
    for (let pod = 0; pod < 50; pod += 1) records.setAllocated(`u${pod}`, given('1'));
    await records.saved();
    expect(disk.writes).toEqual(['safe']);
    records.setAllocated('u1', given('1'));
    await records.saved();
    expect(disk.writes).toEqual(['safe']);
  });

  it('are synced to disk only if a caller waits for that', async () => {
    const disk = new Disk();
    const records = await open(disk);
    records.setAllocated('u1', given('1'));
    await vi.waitUntil(() => disk.text !== undefined);
    expect(disk.writes).toEqual(['written']);
    await records.saved();
    expect(disk.writes).toEqual(['written', 'safe']);
  });

  it('that cannot be written are logged, kept in memory and written later', async () => {
    const disk = new Disk();
    const records = await open(disk);
    disk.problem = new Error('no space left on device');
    records.setAllocated('u1', given('1'));
    await expect(records.saved()).rejects.toThrow('no space left');
    expect(records.allocated('u1')).toEqual(given('1'));
    disk.problem = undefined;
    await records.saved();
    expect(disk.text).toContain('u1');
  });

  it.each([
    ['a text that is not JSON', '{"data":'],
    ['a wrong checksum', '{"data":"{}","checksum":1}'],
    ['something else', '[]'],
  ])('refuse %s, with a remedy', async (_, text) => {
    const disk = new Disk();
    disk.text = text;
    const opened = open(disk);
    await expect(opened).rejects.toThrow(CheckpointError);
    await expect(opened).rejects.toThrow(
      /^could not restore state from checkpoint: .*, please drain this node and delete pod resource information checkpoint file "\/root\/allocated_pods_state" before restarting Kubelet$/,
    );
  });

  it('are in a file that is replaced atomically', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'records-'));
    onTestFinished(() => rm(dir, { recursive: true }));
    const file = createResourceRecordFile(dir, 'allocated_pods_state');
    expect(await file.read()).toBeUndefined();
    await file.write('first, and longer', 'safe');
    await file.write('second', 'written');
    expect(await file.read()).toBe('second');
  });
});
