import { describe, expect, it } from 'vitest';

import {
  keyedValue,
  parseAccountedCgroup,
  parsePressure,
  parseProcessCgroup,
  parseV1,
  parseV1Limits,
  parseV2,
  parseV2Limits,
  singleValue,
} from '../../src/index.js';

const how = { atMs: 5, nameOf: (device: string) => `dev ${device}` };

describe(keyedValue, () => {
  const text = 'a 1\nab 2\nb 3\n';
  it.each([
    ['a', 1],
    ['ab', 2],
    ['b', 3],
    ['c', undefined],
  ])('finds whole words only: %s', (key, value) => expect(keyedValue(text, key)).toBe(value));
});

describe(singleValue, () => {
  it.each([
    ['42\n', 42],
    ['max\n', undefined],
    ['9223372036854771712\n', undefined],
    [undefined, undefined],
  ])('%j', (text, value) => expect(singleValue(text)).toBe(value));
});

describe(parsePressure, () => {
  it('takes both lines', () => {
    const text =
      'some avg10=1.50 avg60=0.25 avg300=0.00 total=123\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=7\n';
    expect(parsePressure(text)).toEqual({
      some: { avg10Percent: 1.5, avg60Percent: 0.25, avg300Percent: 0, totalUs: 123 },
      full: { avg10Percent: 0, avg60Percent: 0, avg300Percent: 0, totalUs: 7 },
    });
  });

  it('is none without the file', () => expect(parsePressure(undefined)).toBeUndefined());
});

describe('version 1', () => {
  const texts = {
    'cpuacct.usage': '1234567890\n',
    'cpuacct.stat': 'user 80\nsystem 40\n',
    'cpu.stat': 'nr_periods 9\nnr_throttled 4\nthrottled_time 77\nnr_bursts 0\nburst_time 0\n',
    'memory.usage_in_bytes': '1000\n',
    'memory.stat':
      'cache 1\nrss 2\ninactive_file 3\ntotal_cache 100\ntotal_rss 200\ntotal_mapped_file 50\n' +
      'total_swap 8\ntotal_pgfault 11\ntotal_pgmajfault 1\ntotal_inactive_file 300\ntotal_active_file 30\n',
    'memory.oom_control': 'oom_kill_disable 0\nunder_oom 0\noom_kill 2\n',
    'pids.current': '7\n',
    'blkio.throttle.io_service_bytes_recursive':
      '8:0 Read 4096\n8:0 Write 8192\n8:0 Sync 1\n8:0 Async 2\n8:0 Discard 0\n8:0 Total 12288\nTotal 12288\n',
    'blkio.throttle.io_serviced_recursive': '8:0 Read 1\n8:0 Write 2\n8:0 Total 3\nTotal 3\n',
    'cgroup.procs': '100\n101\n',
  };
  const limits = parseV1Limits({
    'cpu.shares': '1024\n',
    'cpu.cfs_period_us': '100000\n',
    'cpu.cfs_quota_us': '-1\n',
    'memory.limit_in_bytes': '5000\n',
    'memory.memsw.limit_in_bytes': '7000\n',
    'pids.max': 'max\n',
  });

  it('counts what is below a cgroup too', () => {
    expect(parseV1(texts, { ...how, limits })).toMatchObject({
      atMs: 5,
      cpu: { usageNs: 1_234_567_890, userNs: 8e8, systemNs: 4e8 },
      memory: {
        ...{ usageBytes: 1000, workingSetBytes: 700, cacheBytes: 100, rssBytes: 200 },
        ...{ swapBytes: 8, pageFaults: 11, majorPageFaults: 1, oomKills: 2 },
      },
      ...{ threads: 7, processes: 2 },
      devices: [
        {
          ...{ device: 'dev 8:0', major: 8, minor: 0 },
          ...{ readBytes: 4096, writeBytes: 8192, reads: 1, writes: 2 },
        },
      ],
    });
  });

  it('shows limits, and none where the kernel writes the largest number', () => {
    expect(limits).toEqual({
      ...{ cpuShares: 1024, cpuPeriodUs: 100_000, cpuQuotaUs: undefined },
      ...{ memoryBytes: 5000, swapBytes: 2000, memoryReservationBytes: undefined },
      threads: undefined,
    });
  });

  it('is nothing where there is no cgroup', () => {
    expect(parseV1({}, { ...how, limits })).toBeUndefined();
  });
});

describe('version 2', () => {
  const texts = {
    'cpu.stat':
      'usage_usec 1000\nuser_usec 600\nsystem_usec 400\nnr_periods 9\nnr_throttled 4\nthrottled_usec 77\n',
    'memory.current': '1000\n',
    'memory.stat': 'anon 200\nfile 100\nkernel 50\ninactive_file 300\npgfault 11\npgmajfault 1\n',
    'memory.swap.current': '8\n',
    'memory.events': 'low 0\nhigh 0\nmax 3\noom 1\noom_kill 2\n',
    'pids.current': '7\n',
    'io.stat': '8:0 rbytes=4096 wbytes=8192 rios=1 wios=2 dbytes=0 dios=0\n253:1 \n',
  };
  const limits = parseV2Limits({
    'cpu.max': '50000 100000\n',
    'cpu.weight': '10000\n',
    'memory.max': 'max\n',
    'pids.max': '20\n',
  });

  it('has the units of version 1', () => {
    expect(parseV2(texts, { ...how, limits })).toMatchObject({
      cpu: {
        ...{ usageNs: 1e6, userNs: 6e5, systemNs: 4e5 },
        throttling: { periods: 9, throttledPeriods: 4, throttledNs: 77_000 },
      },
      memory: {
        ...{ usageBytes: 1000, workingSetBytes: 700, rssBytes: 200, kernelBytes: 50 },
        ...{ swapBytes: 8, limitHits: 3, oomKills: 2 },
      },
      devices: [{ device: 'dev 8:0', readBytes: 4096, writes: 2 }, { device: 'dev 253:1' }],
    });
    expect(limits).toMatchObject({ cpuShares: 262_144, cpuQuotaUs: 50_000, threads: 20 });
    expect(limits.memoryBytes).toBeUndefined();
  });

  it('has no throttling without a quota', () => {
    const free = parseV2Limits({ 'cpu.max': 'max 100000\n' });
    expect(parseV2(texts, { ...how, limits: free })?.cpu?.throttling).toBeUndefined();
  });

  it('adds anonymous memory and files for the root, which has no figure of its own', () => {
    const stat = 'anon 5000\nfile 3000\nkernel 900\ninactive_file 1000\n';
    const found = parseV2({ 'memory.stat': stat }, { ...how, limits });
    expect(found?.memory).toMatchObject({ usageBytes: 8000, workingSetBytes: 7000 });
  });
});

describe('/proc/<pid>/cgroup', () => {
  it.each([
    ['5:cpu,cpuacct:/a\n4:memory:/b\n0::/\n', '/b'],
    ['0::/system.slice/x.service\n', '/system.slice/x.service'],
  ])('has the cgroup of a process: %j', (text, path) => {
    expect(parseProcessCgroup(text)).toBe(path);
  });

  it.each([
    ['3:cpu,cpuacct:/a\n2:memory:/a\n', '/a'],
    ['3:cpu:/\n2:memory:/\n1:name=systemd:/\n0::/\n', '/'],
    ['3:cpu:/\n2:memory:/\n1:name=systemd:/user.slice\n', '/user.slice'],
    ['3:cpu:/a\n2:memory:/b\n1:name=systemd:/b\n', undefined],
    ['0::/system.slice/x.service\n', '/system.slice/x.service'],
  ])('has the cgroup that accounts for a process: %j', (text, path) => {
    expect(parseAccountedCgroup(text)).toBe(path);
  });
});
