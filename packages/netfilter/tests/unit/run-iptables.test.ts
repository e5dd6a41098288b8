import { describe, expect, it } from 'vitest';

import type { Rule } from '../../src/index.js';
import { createIptables, featuresFromVersion, probeIptables } from '../../src/index.js';
import { ScriptedCommandRunner } from '../../src/testing/index.js';

const signal = new AbortController().signal;
const features = featuresFromVersion('iptables v1.8.9 (nf_tables)')!;
const rule: Rule = { matches: [], target: { kind: 'jump', chain: 'D' } };

function given(answers: ConstructorParameters<typeof ScriptedCommandRunner>[0]) {
  const runner = new ScriptedCommandRunner(answers);
  return { runner, iptables: createIptables({ runner, family: 'IPv4', features }) };
}

describe(createIptables, () => {
  it('inserts a rule only when the check does not find it', async () => {
    const { runner, iptables } = given([
      { line: 'iptables -w 5 -C INPUT -t filter -j D', exitCode: 1 },
      { line: 'iptables -w 5 -I INPUT -t filter -j D' },
    ]);
    const placed = { table: 'filter', chain: 'INPUT', rule } as const;
    expect(await iptables.ensureRule(placed, 'first', signal)).toBe('added');
    expect(runner.ran).toHaveLength(2);
  });

  it('writes tables in one restore that waits for the lock and spares other chains', async () => {
    const line = 'iptables-restore -w 5 --noflush --counters';
    const { runner, iptables } = given([{ line }]);
    const lines = ['-A C -j ACCEPT\n'];
    await iptables.restore([{ name: 'nat', chains: ['C'], lines }], signal);
    const stdin = '*nat\n:C - [0:0]\n-A C -j ACCEPT\nCOMMIT\n';
    expect(runner.ran).toEqual([{ line, stdin }]);
  });

  it.each([
    {
      exitCode: 4,
      stderr: 'Another app is currently holding the xtables lock',
      code: 'NETFILTER_LOCKED',
    },
    { exitCode: 4, stderr: 'Permission denied (you must be root)', code: 'NETFILTER_PERMISSION' },
    { exitCode: 2, stderr: 'unknown option', code: 'NETFILTER_COMMAND_FAILED' },
    {
      exitCode: 4,
      stderr: 'iptables v1.8.9 (nf_tables):  CHAIN_DEL failed (Device or resource busy): chain a',
      code: 'NETFILTER_COMMAND_FAILED',
    },
    {
      exitCode: 4,
      stderr:
        'iptables v1.8.9 (nf_tables): Could not fetch rule set generation id: Operation not permitted',
      code: 'NETFILTER_PERMISSION',
    },
  ])('reports $code for "$stderr"', async ({ exitCode, stderr, code }) => {
    const { iptables } = given([{ line: 'iptables -w 5 -N D -t nat', exitCode, stderr }]);
    await expect(iptables.ensureChain('nat', 'D', signal)).rejects.toMatchObject({
      code,
      exitCode,
    });
  });
});

describe(probeIptables, () => {
  const version = { line: 'ip6tables-legacy --version', stdout: 'ip6tables v1.8.9 (legacy)' };
  const read = { line: 'ip6tables-legacy -w 5 -S POSTROUTING -t nat' };

  it('takes the variant of iptables that holds the hint', async () => {
    const runner = new ScriptedCommandRunner([
      { line: 'ip6tables-nft-save -t mangle', stdout: '*mangle\n:PREROUTING ACCEPT [0:0]\n' },
      { line: 'cat /proc/net/ip6_tables_names', stdout: 'nat\nmangle\n' },
      { line: 'ip6tables-legacy-save -t mangle', stdout: '*mangle\n:HINT - [0:0]\n' },
      version,
      read,
    ]);
    const found = await probeIptables(runner, { family: 'IPv6', hintChains: ['HINT'] }, signal);
    expect(found.description).toBe('ip6tables v1.8.9 (legacy)');
  });

  it('takes plain iptables when there is no hint', async () => {
    const runner = new ScriptedCommandRunner([
      { line: 'cat /proc/net/ip_tables_names', exitCode: 1 },
      { line: 'iptables --version', stdout: 'iptables v1.8.9 (nf_tables)' },
      { line: 'iptables -w 5 -S POSTROUTING -t nat' },
    ]);
    const found = await probeIptables(runner, { family: 'IPv4', hintChains: ['HINT'] }, signal);
    expect(found).toMatchObject({ randomFully: true, iptables: { family: 'IPv4' } });
  });

  it('names the missing program', async () => {
    const probe = probeIptables(new ScriptedCommandRunner([]), { family: 'IPv4' }, signal);
    await expect(probe).rejects.toMatchObject({ code: 'NETFILTER_COMMAND_MISSING' });
  });
});
