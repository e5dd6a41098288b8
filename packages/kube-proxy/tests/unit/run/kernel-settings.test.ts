import { ManualClock, MemoryLogger } from '@nodeagent/base/testing';
import { beforeEach, describe, expect, it } from 'vitest';

import { ProxyError } from '../../../src/model/errors.js';
import {
  CONNTRACK_MAX,
  conntrackSettings,
  ROUTE_LOCALNET,
} from '../../../src/plan/kernel-settings.js';
import { KernelSettings } from '../../../src/run/kernel-settings.js';
import { MemorySysctl } from '../../../src/testing/index.js';

const HASH_SIZE = '/sys/module/nf_conntrack/parameters/hashsize';
const route = { key: ROUTE_LOCALNET, value: 1 };

class ReadOnly extends MemorySysctl {
  readOnly = true;

  override async write(key: string, value: string): Promise<void> {
    if (this.readOnly) throw new ProxyError('PROXY_SYSCTL', `${key}: read-only file system`);
    await super.write(key, value);
  }
}

let clock: ManualClock;
let sysctl: ReadOnly;
let reported: string[];
const signal = new AbortController().signal;
const settings = (strict: boolean) =>
  new KernelSettings({
    sysctl,
    clock,
    log: new MemoryLogger(),
    events: { record: ({ reason, message }) => reported.push(`${reason}: ${message}`) },
    nodeName: 'node-a',
    strict,
  });

beforeEach(() => {
  clock = new ManualClock();
  sysctl = new ReadOnly({ [ROUTE_LOCALNET]: '0', [CONNTRACK_MAX]: '65536', [HASH_SIZE]: '16384' });
  reported = [];
});

describe(KernelSettings, () => {
  it('writes settings that differ, and lets the hash table grow with the limit', async () => {
    sysctl.readOnly = false;
    await settings(true).want([route, { key: CONNTRACK_MAX, value: 131_072 }]);
    expect([...sysctl.values.values()]).toEqual(['1', '131072', '32768']);
  });

  it('reports settings that cannot be written and keeps trying', async () => {
    const kernel = settings(false);
    await kernel.want([route]);
    expect(reported).toEqual([`KernelSettingFailed: ${ROUTE_LOCALNET}: read-only file system`]);
    const running = kernel.run(signal);
    await clock.advance(30_000);
    expect(sysctl.values.get(ROUTE_LOCALNET)).toBe('0');
    sysctl.readOnly = false;
    await clock.advance(300_000);
    await running;
    expect(sysctl.values.get(ROUTE_LOCALNET)).toBe('1');
    expect(reported).toHaveLength(1);
  });

  it('ends on a failure when nothing else is to be done', async () => {
    await expect(settings(true).want([route])).rejects.toThrow('read-only');
  });
});

describe(conntrackSettings, () => {
  const config = {
    maxPerCore: 32_768,
    min: 131_072,
    tcpEstablishedSeconds: 86_400,
    tcpCloseWaitSeconds: 0,
    tcpBeLiberal: false,
    udpSeconds: 0,
    udpStreamSeconds: 0,
  };

  it.each([
    [2, 131_072],
    [8, 262_144],
    [64, 1_048_576],
  ])('on %i CPUs tracks %i flows', (cpus, want) => {
    expect(conntrackSettings(config, cpus)).toEqual([
      { key: CONNTRACK_MAX, value: want },
      { key: 'net/netfilter/nf_conntrack_tcp_timeout_established', value: 86_400 },
    ]);
  });

  it('leaves settings of 0 alone', () => {
    expect(conntrackSettings({ ...config, maxPerCore: 0, tcpEstablishedSeconds: 0 }, 8)).toEqual(
      [],
    );
  });
});
