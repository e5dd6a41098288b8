import { MemoryLogger } from '@nodeagent/base/testing';
import { describe, expect, it } from 'vitest';

import { OomRecords, parseKernelRecord } from '../../../src/node/codec/oom-records.js';
import { watchSystemOom } from '../../../src/node/run/index.js';

const INVOKED = 'stress invoked oom-killer: gfp_mask=0x100cca(GFP_HIGHUSER_MOVABLE), order=0';
const OF_MACHINE =
  'oom-kill:constraint=CONSTRAINT_NONE,nodemask=(null),cpuset=/,mems_allowed=0,global_oom,task_memcg=/user.slice,task=stress,pid=1234,uid=0';
const OF_POD =
  'oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=c1,mems_allowed=0,oom_memcg=/kubepods/pod1,task_memcg=/kubepods/pod1/c1,task=dd,pid=77,uid=0';
const KILLED = 'Out of memory: Killed process 1234 (stress) total-vm:9000kB, anon-rss:8000kB';
const MACHINE = { pid: 1234, process: 'stress' };

describe(parseKernelRecord, () => {
  it.each([
    ['6,339,5140900,-;NET: Registered', { facility: 0, text: 'NET: Registered' }],
    ['3,1,2,c;text; with; more\n SUBSYSTEM=acpi\n', { facility: 0, text: 'text; with; more' }],
    ['12,5,6,-;from a program', { facility: 1, text: 'from a program' }],
    ['', undefined],
    ['no record', undefined],
  ])('reads %j', (record, want) => expect(parseKernelRecord(record)).toEqual(want));
});

describe(OomRecords, () => {
  it.each<readonly [string, readonly string[], readonly object[]]>([
    ['of the whole machine', [INVOKED, 'Mem-Info:', OF_MACHINE, KILLED], [MACHINE]],
    ['of an older kernel', [INVOKED, 'Mem-Info:', KILLED], [MACHINE]],
    ['at the limit of a cgroup', [INVOKED, OF_POD, KILLED], []],
    [
      'at the limit of a cgroup, of an older kernel',
      [INVOKED, 'Task in /kubepods/pod1 killed as a result of limit of /kubepods/pod1', KILLED],
      [],
    ],
    [
      'at the limit of the root',
      [INVOKED, 'Task in /a killed as a result of limit of /', KILLED],
      [MACHINE],
    ],
    ['that follow each other', [INVOKED, OF_POD, KILLED, INVOKED, OF_MACHINE, KILLED], [MACHINE]],
    ['without a beginning', [KILLED, OF_MACHINE], []],
  ])('reports %s', (_, texts, want) => {
    const records = new OomRecords();
    const found = texts.map((text) => records.next({ facility: 0, text }));
    expect(found.filter((each) => each !== undefined)).toEqual(want);
  });

  it('ignores what programs write into the log', () => {
    const records = new OomRecords();
    const found = [INVOKED, OF_MACHINE].map((text) => records.next({ facility: 1, text }));
    expect(found).toEqual([undefined, undefined]);
  });
});

describe(watchSystemOom, () => {
  const { signal } = new AbortController();
  const watched = async (
    follow: () => AsyncIterable<string>,
  ): Promise<readonly [readonly string[], readonly string[]]> => {
    const told: string[] = [];
    const log = new MemoryLogger();
    const events = {
      warning: (reason: string, text: string) => void told.push(`${reason}: ${text}`),
    };
    await watchSystemOom({ kernelLog: { follow }, events, log }, signal);
    return [told, log.lines.map(({ message }) => message)];
  };

  it('tells of each victim', async () => {
    const unnamed = OF_MACHINE.replace('task=stress,pid=1234', 'task=,pid=');
    const [told] = await watched(async function* () {
      for (const text of [INVOKED, OF_MACHINE, INVOKED, unnamed]) yield `4,1,1,-;${text}`;
    });
    expect(told).toEqual([
      'SystemOOM: System OOM encountered, victim process: stress, pid: 1234',
      'SystemOOM: System OOM encountered',
    ]);
  });

  it('notes a log that cannot be read, and goes on without it', async () => {
    const [told, lines] = await watched(async function* () {
      yield '4,1,1,-;x';
      throw new Error('EPERM');
    });
    expect(told).toEqual([]);
    expect(lines).toEqual([
      'the kernel log cannot be read; lack of memory is not reported as an event',
    ]);
  });
});
