import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

import { ManualClock, MemoryLogger } from '@nodeagent/base/testing';
import { describe, expect, it } from 'vitest';

import { readOomCounts } from '../../../src/node/adapters/oom-counts.js';
import { OomRecords, parseKernelRecord } from '../../../src/node/codec/oom-records.js';
import { killsOfMachine, type OomCounts } from '../../../src/node/model/oom-counts.js';
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
    [
      'whose name has parentheses',
      [INVOKED, KILLED.replace('(stress)', '((sd-pam))')],
      [{ pid: 1234, process: '(sd-pam)' }],
    ],
    ['of a line that is cut off', [INVOKED, 'Killed process 1234 (stre', KILLED], [MACHINE]],
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

describe(killsOfMachine, () => {
  it.each([
    ['none', { kills: 3, atLimits: 1 }, { kills: 3, atLimits: 1 }, 0],
    ['of the machine', { kills: 3, atLimits: 1 }, { kills: 5, atLimits: 1 }, 2],
    ['at a limit', { kills: 3, atLimits: 1 }, { kills: 4, atLimits: 2 }, 0],
    ['while a cgroup was removed', { kills: 3, atLimits: 2 }, { kills: 4, atLimits: 1 }, 0],
  ])('counts kills: %s', (_, before, now, want) => expect(killsOfMachine(before, now)).toBe(want));
});

describe(readOomCounts, () => {
  const files = async (all: Readonly<Record<string, string>>): Promise<string> => {
    const dir = await mkdtemp(join(tmpdir(), 'oom-counts-'));
    for (const [path, text] of Object.entries(all)) {
      await mkdir(dirname(join(dir, path)), { recursive: true });
      await writeFile(join(dir, path), text);
    }
    return dir;
  };
  const events = (oom: number, kill: number): string => `max 9\noom ${oom}\noom_kill ${kill}\n`;
  const vmstat = 'oom_kill_x 1\noom_kill 7\n';

  it.each([
    [
      'of the machine and its top cgroups',
      {
        'cgroup.controllers': '',
        vmstat,
        'a/memory.events': events(2, 3),
        'b/memory.events': events(1, 1),
      },
      { kills: 7, atLimits: 3 },
    ],
    ['of a namespace', { 'memory.events': events(2, 3), vmstat }, { kills: 3, atLimits: 2 }],
    ['of version 1', { vmstat, 'memory/a/memory.events': '' }, undefined],
    ['of an old kernel', { 'cgroup.controllers': '', vmstat: 'pgfault 1\n' }, undefined],
  ])('reads those %s', async (_, all, want) => {
    const dir = await files(all);
    expect(readOomCounts(dir, dir)).toEqual(want);
    await rm(dir, { recursive: true });
  });
});

describe(watchSystemOom, () => {
  const watched = async (
    follow: () => AsyncIterable<string>,
    counted: readonly (OomCounts | undefined)[] = [],
  ): Promise<readonly [readonly string[], readonly string[]]> => {
    const told: string[] = [];
    const end = new AbortController();
    const log = new MemoryLogger();
    const clock = new ManualClock();
    const events = {
      warning: (reason: string, text: string) => void told.push(`${reason}: ${text}`),
    };
    const left = [...counted];
    const kernelLog = { follow, oomCounts: () => left.shift() };
    const watch = watchSystemOom({ kernelLog, events, clock, log }, end.signal);
    await clock.advance(30_000);
    end.abort();
    await watch;
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

  const unreadable = async function* (): AsyncGenerator<string> {
    yield '4,1,1,-;x';
    throw new Error('EPERM');
  };

  it('notes once a log that cannot be read, and tells of kills that the kernel counts', async () => {
    const [none, one] = [0, 1].map((kills) => ({ kills, atLimits: 0 }));
    const [told, lines] = await watched(unreadable, [none, none, one, one, one]);
    expect(told).toEqual(['SystemOOM: System OOM encountered']);
    expect(lines).toEqual([
      'the kernel log cannot be read; lack of memory is reported without the name of the ended process',
    ]);
  });

  it('tells nothing where the kernel counts nothing', async () => {
    const [told, lines] = await watched(unreadable);
    expect(told).toEqual([]);
    expect(lines).toEqual([
      'the kernel log cannot be read; lack of memory is not reported as an event',
    ]);
  });

  it('goes on when the counts cannot be read either', async () => {
    const end = new AbortController();
    const log = new MemoryLogger();
    const clock = new ManualClock();
    const oomCounts = (): never => {
      throw new Error('EIO');
    };
    const kernelLog = { follow: unreadable, oomCounts };
    const options = { kernelLog, events: { warning: () => undefined }, clock, log };
    const watch = watchSystemOom(options, end.signal);
    await clock.advance(10_000);
    end.abort();
    await expect(watch).resolves.toBeUndefined();
    expect(log.lines.filter(({ level }) => level === 'warn').length).toBeGreaterThan(1);
  });

  it('reads the log as soon as it can be read again', async () => {
    let tries = 0;
    const [told] = await watched(async function* () {
      tries += 1;
      if (tries < 3) throw new Error('EMFILE');
      for (const text of [INVOKED, OF_MACHINE]) yield `4,1,1,-;${text}`;
    });
    expect(told).toHaveLength(1);
  });
});
