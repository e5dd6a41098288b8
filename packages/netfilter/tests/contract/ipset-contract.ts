import { describe, expect, it } from 'vitest';

import type { Ipset, IpsetEntry, IpsetSpec } from '../../src/ipset.js';

export const SETS: readonly { spec: IpsetSpec; entries: readonly IpsetEntry[]; texts: string[] }[] =
  [
    {
      spec: { name: 'TEST-IP', type: 'hash:ip', family: 'IPv4' },
      entries: [{ ip: '10.0.0.1' }, { ip: '10.0.0.2' }],
      texts: ['10.0.0.1', '10.0.0.2'],
    },
    {
      spec: { name: 'TEST-IP-6', type: 'hash:ip', family: 'IPv6' },
      entries: [{ ip: 'fd00::1' }],
      texts: ['fd00::1'],
    },
    {
      spec: { name: 'TEST-IP-PORT', type: 'hash:ip,port', family: 'IPv4', maxEntries: 3 },
      entries: [
        { ip: '10.0.0.1', protocol: 'tcp', port: 80 },
        { ip: '10.0.0.1', protocol: 'udp', port: 80 },
        { ip: '10.0.0.1', protocol: 'sctp', port: 65_535 },
      ],
      texts: ['10.0.0.1,sctp:65535', '10.0.0.1,tcp:80', '10.0.0.1,udp:80'],
    },
    {
      spec: { name: 'TEST-IP-PORT-6', type: 'hash:ip,port', family: 'IPv6' },
      entries: [
        { ip: 'fd00::1', protocol: 'udp', port: 53 },
        { ip: 'fd00::1', protocol: 'sctp', port: 1 },
      ],
      texts: ['fd00::1,sctp:1', 'fd00::1,udp:53'],
    },
    {
      spec: { name: 'TEST-IP-PORT-IP', type: 'hash:ip,port,ip', family: 'IPv4' },
      entries: [
        { ip: '10.0.0.1', protocol: 'tcp', port: 80, second: '10.0.0.1' },
        { ip: '10.0.0.1', protocol: 'udp', port: 80, second: '10.0.0.2' },
      ],
      texts: ['10.0.0.1,tcp:80,10.0.0.1', '10.0.0.1,udp:80,10.0.0.2'],
    },
    {
      spec: { name: 'TEST-IP-PORT-IP-6', type: 'hash:ip,port,ip', family: 'IPv6' },
      entries: [{ ip: 'fd00::1', protocol: 'tcp', port: 80, second: 'fd00::2' }],
      texts: ['fd00::1,tcp:80,fd00::2'],
    },
    {
      spec: { name: 'TEST-IP-PORT-NET', type: 'hash:ip,port,net', family: 'IPv4' },
      entries: [
        { ip: '10.0.0.1', protocol: 'tcp', port: 80, second: '192.168.0.0/16' },
        { ip: '10.0.0.1', protocol: 'tcp', port: 80, second: '192.168.7.7/32' },
        { ip: '10.0.0.1', protocol: 'tcp', port: 81, second: '192.168.7.7' },
      ],
      texts: [
        '10.0.0.1,tcp:80,192.168.0.0/16',
        '10.0.0.1,tcp:80,192.168.7.7',
        '10.0.0.1,tcp:81,192.168.7.7',
      ],
    },
    {
      spec: { name: 'TEST-IP-PORT-NET-6', type: 'hash:ip,port,net', family: 'IPv6' },
      entries: [
        { ip: 'fd00::1', protocol: 'tcp', port: 80, second: 'fd00:1::/32' },
        { ip: 'fd00::1', protocol: 'sctp', port: 80, second: '2001:db8::7' },
      ],
      texts: ['fd00::1,sctp:80,2001:db8::7', 'fd00::1,tcp:80,fd00:1::/32'],
    },
    {
      spec: { name: 'TEST-PORT', type: 'bitmap:port', family: 'IPv4' },
      entries: [{ port: 0 }, { port: 65_535 }],
      texts: ['0', '65535'],
    },
  ];

const signal = new AbortController().signal;

/** Tests that every implementation passes; each starts without sets. */
export function ipsetContract(name: string, create: () => Promise<Ipset>): void {
  const [{ spec: ips }, , { spec: full, entries: fullEntries }] = SETS as Required<typeof SETS> & {
    0: (typeof SETS)[0];
    2: (typeof SETS)[0];
  };
  const entriesOf = async (ipset: Ipset, set: string) =>
    [...((await ipset.list(set, signal))[0]?.entries ?? [])].sort();

  describe(`${name} as Ipset`, () => {
    it.each(SETS)('keeps $spec.name of $spec.type', async ({ spec, entries, texts }) => {
      const ipset = await create();
      await ipset.ensure([spec], signal);
      await ipset.add(spec, entries, signal);
      await ipset.add(spec, entries, signal);
      const [state] = await ipset.list(spec.name, signal);
      expect([...(state?.entries ?? [])].sort()).toEqual(texts);
      expect(state).toMatchObject({
        spec: { name: spec.name, type: spec.type, family: spec.family },
        references: 0,
      });
      await ipset.delete(spec, entries.slice(0, 1), signal);
      await ipset.delete(spec, entries.slice(0, 1), signal);
      expect(await entriesOf(ipset, spec.name)).toHaveLength(entries.length - 1);
    });

    it('creates a missing set, and refuses another one of the same name', async () => {
      const ipset = await create();
      const specs = SETS.map(({ spec }) => spec);
      await ipset.ensure(specs, signal);
      await ipset.ensure(specs, signal);
      expect((await ipset.list(undefined, signal)).map(({ spec }) => spec.name).sort()).toEqual(
        specs.map((spec) => spec.name).sort(),
      );
      const other = { ...ips, type: 'hash:ip,port' } as const;
      for (const wrong of [other, { ...ips, family: 'IPv6' as const }, { ...ips, maxEntries: 5 }]) {
        await expect(ipset.ensure([wrong], signal)).rejects.toMatchObject({
          code: 'NETFILTER_SET_MISMATCH',
        });
      }
    });

    it('takes thousands of entries at once', async () => {
      const ipset = await create();
      const entries = Array.from({ length: 5000 }, (_, n) => ({ ip: `10.1.${n >> 8}.${n & 255}` }));
      await ipset.ensure([ips], signal);
      await ipset.add(ips, entries, signal);
      expect(await entriesOf(ipset, ips.name)).toEqual(entries.map(({ ip }) => ip).sort());
      await ipset.delete(ips, entries.slice(1), signal);
      expect(await entriesOf(ipset, ips.name)).toEqual(['10.1.0.0']);
    });

    it('adds the valid entries beside an invalid one', async () => {
      const ipset = await create();
      await ipset.ensure([ips], signal);
      const entries = [{ ip: '10.0.0.1' }, { ip: '0.0.0.0' }, { ip: '10.0.0.2' }];
      await expect(ipset.add(ips, entries, signal)).rejects.toMatchObject({
        name: 'NetfilterError',
        code: 'NETFILTER_SET_ENTRY',
      });
      expect(await entriesOf(ipset, ips.name)).toEqual(['10.0.0.1', '10.0.0.2']);
    });

    it('refuses entries beyond the maximum', async () => {
      const ipset = await create();
      await ipset.ensure([full], signal);
      await ipset.add(full, fullEntries, signal);
      await ipset.add(full, fullEntries, signal);
      const more = [{ ip: '10.0.0.9', protocol: 'tcp', port: 1 }] as const;
      await expect(ipset.add(full, more, signal)).rejects.toMatchObject({
        code: 'NETFILTER_SET_FULL',
      });
    });

    it('refuses entries of another kind before asking the kernel', async () => {
      const ipset = await create();
      for (const entry of [
        { ip: 'fd00::1' },
        { port: 80 },
        { ip: '10.0.0.1', port: 80 },
        { ip: '10.0.0' },
      ]) {
        await expect(ipset.add(ips, [entry], signal)).rejects.toMatchObject({
          code: 'NETFILTER_SET_ENTRY',
        });
      }
    });

    it('replaces all entries at once', async () => {
      const ipset = await create();
      await ipset.replace(ips, [{ ip: '10.0.0.1' }, { ip: '10.0.0.2' }], signal);
      await ipset.replace(ips, [{ ip: '10.0.0.3' }], signal);
      expect(await entriesOf(ipset, ips.name)).toEqual(['10.0.0.3']);
      expect(await ipset.list(undefined, signal)).toHaveLength(1);
    });

    it('flushes one set, destroys many, and reports missing ones', async () => {
      const ipset = await create();
      await ipset.ensure([ips, full], signal);
      await ipset.add(ips, [{ ip: '10.0.0.1' }], signal);
      await ipset.flush(ips.name, signal);
      expect(await entriesOf(ipset, ips.name)).toEqual([]);
      await ipset.destroy([ips.name, 'NONE', full.name], signal);
      expect(await ipset.list(undefined, signal)).toEqual([]);
      expect(await ipset.list('NONE', signal)).toEqual([]);
      const missing = { code: 'NETFILTER_SET_MISSING' };
      await expect(ipset.flush('NONE', signal)).rejects.toMatchObject(missing);
      await expect(ipset.add(ips, [{ ip: '10.0.0.1' }], signal)).rejects.toMatchObject(missing);
    });

    it.each(['', 'a name', 'x'.repeat(32)])('refuses the name %j', async (bad) => {
      const ipset = await create();
      const wrong = { code: 'NETFILTER_NAME' };
      await expect(ipset.ensure([{ ...ips, name: bad }], signal)).rejects.toMatchObject(wrong);
      await expect(ipset.flush(bad, signal)).rejects.toMatchObject(wrong);
      await expect(ipset.destroy([bad], signal)).rejects.toMatchObject(wrong);
    });
  });
}
