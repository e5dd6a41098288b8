import { readFileSync, writeFileSync } from 'node:fs';

import { runCommand, tryCommand, waitFor } from '@nodeagent/testbed';
import { beforeEach, expect, it, onTestFinished } from 'vitest';

import { runCommand as runIpvs } from '../../src/bin/command.js';
import {
  defineDestination,
  defineService,
  diff,
  type Ipvs,
  type IpvsApplyError,
  parseSave,
  readTable,
  renderSave,
  renderTable,
  sortServers,
} from '../../src/index.js';
import { openIpvs } from '../../src/netlink.js';

/** A table with everything that ipvsadm can express. */
const TABLE = `\
-A -t 10.0.0.1:80 -s rr
-a -t 10.0.0.1:80 -r 10.1.0.1:8080 -m -w 5
-a -t 10.0.0.1:80 -r 10.1.0.2:80 -g -w 0
-a -t 10.0.0.1:80 -r 10.1.0.3:80 -i -w 1 --tun-type ipip
-a -t 10.0.0.1:80 -r 10.1.0.4:80 -i -w 1 --tun-type gue --tun-port 6080 --tun-csum
-a -t 10.0.0.1:80 -r 10.1.0.5:80 -i -w 1 --tun-type gre --tun-nocsum
-a -t 10.0.0.1:80 -r [fd00::9]:80 -i -w 1 --tun-type ipip
-A -t 10.0.0.2:80 -s sh -b sh-fallback,sh-port
-A -t 10.0.0.3:80 -s mh -p 30 -b mh-port
-A -t 10.0.0.4:80 -s lc -b flag-1,flag-3
-A -t 10.0.0.19:0 -s wlc -p 10
-A -u 10.0.0.1:53 -s wrr -p 100 -M 255.255.255.0 -o
-A -u 10.0.0.9:5060 -s rr -p 10 --pe sip
-A --sctp-service 10.0.0.2:80 -s nq
-A -t [fd00::1]:80 -s dh -p 60 -M 64
-a -t [fd00::1]:80 -r [fd00::2]:80 -m -w 1
-A -f 7 -s fo -p 360
-A -f 7 -6 -s ovf
-a -f 7 -6 -r [fd00::2]:0 -g -w 1
`;
const SHOW_TOTALS = ['ipvsadm', '-Ln', '--stats', '--exact'];
const sorted = (text: string) => text.trimEnd().split('\n').sort();

let ipvs: Ipvs;
beforeEach(async () => {
  await runCommand(['ipvsadm', '-C']);
  ipvs = openIpvs();
  onTestFinished(() => ipvs.close());
});

it('writes the table that ipvsadm saves', async () => {
  await ipvs.apply(diff(parseSave(TABLE), []));
  expect(sorted(await runCommand(['ipvsadm', '-S', '-n']))).toEqual(sorted(TABLE));
});

it('reads the table that ipvsadm restored, and finds nothing to change', async () => {
  await runCommand(['ipvsadm', '-R'], { input: TABLE });
  const table = await readTable(ipvs);
  expect(sorted(renderSave(table))).toEqual(sorted(TABLE));
  expect(diff(parseSave(TABLE), table)).toEqual([]);
});

it('lists in the layout of ipvsadm', async () => {
  await runCommand(['ipvsadm', '-R'], { input: TABLE });
  const [, ...theirs] = (await runCommand(['ipvsadm', '-Ln'])).split('\n');
  const ours = renderTable(sortServers(await readTable(ipvs)));
  expect(sorted(ours)).toEqual(sorted(theirs.join('\n')));
});

it('knows every scheduler that the kernel has', async () => {
  const names = 'rr wrr lc wlc lblc lblcr dh sh mh sed nq fo ovf none'.split(' ');
  const lines = names.map((name, n) => `-A -t 10.0.1.${n}:80 -s ${name}`);
  await ipvs.apply(diff(parseSave(lines.join('\n')), []));
  expect(sorted(await runCommand(['ipvsadm', '-S', '-n']))).toEqual([...lines].sort());
  expect((await ipvs.listServices()).map(({ scheduler }) => scheduler).sort()).toEqual(
    [...names].sort(),
  );
});

it('offers a command in place of ipvsadm', async () => {
  const ipvsCommand = async (argv: readonly string[], input = '') => {
    const printed: string[] = [];
    const exitCode = await runIpvs(argv, {
      ipvs,
      version: '0',
      readInput: () => input,
      print: (text) => void printed.push(text),
      warn: (text) => void printed.push(text),
      isTerminal: false,
      pause: () => Promise.resolve(),
      signal: new AbortController().signal,
    });
    return { exitCode, printed: printed.join('') };
  };
  expect((await ipvsCommand(['apply', '-'], TABLE)).exitCode).toBe(0);
  const saved = await runCommand(['ipvsadm', '-S', '-n']);
  expect(sorted(saved)).toEqual(sorted(TABLE));
  const { printed } = await ipvsCommand(['list', '--format', 'save']);
  expect(sorted(printed)).toEqual(sorted(TABLE));
  const json = await ipvsCommand(['list', '--format', 'json']);
  expect(await ipvsCommand(['apply', '-'], json.printed)).toEqual({ exitCode: 0, printed: '' });
  const without = TABLE.replace('-A -t 10.0.0.4:80 -s lc -b flag-1,flag-3\n', '');
  expect((await ipvsCommand(['apply', '-'], without)).printed).toBe(
    'delete-service tcp 10.0.0.4:80\n',
  );
  expect((await ipvsCommand(['watch', '--count', '1'])).printed).toContain('10.0.0.1:80');
});

it('detects and makes every change of a service', async () => {
  await ipvs.apply(diff(parseSave(TABLE), []));
  const changed = TABLE.replaceAll(' -s rr', ' -s wrr -p 77')
    .replaceAll('-w 1', '-w 9')
    .replaceAll(' -m ', ' -g ')
    .replaceAll('--tun-type gre --tun-nocsum', '--tun-type ipip');
  const operations = diff(parseSave(changed), await readTable(ipvs));
  expect(new Set(operations.map(({ kind }) => kind))).toEqual(
    new Set(['update-service', 'update-destination']),
  );
  await ipvs.apply(operations);
  expect(diff(parseSave(changed), await readTable(ipvs))).toEqual([]);
  const canonical = renderSave(parseSave(changed));
  expect(sorted(await runCommand(['ipvsadm', '-S', '-n']))).toEqual(sorted(canonical));
});

it('deletes entries; ipvsadm no longer saves them', async () => {
  await ipvs.apply(diff(parseSave(TABLE), []));
  const rest = sorted(TABLE).filter((line) => {
    return (
      !line.includes('-r 10.1.0.2:80') && !line.includes('10.0.0.19:0') && !/-f 7 -s/.test(line)
    );
  });
  await ipvs.apply(diff(parseSave(rest.join('\n')), await readTable(ipvs)));
  expect(sorted(await runCommand(['ipvsadm', '-S', '-n']))).toEqual(rest);
  await ipvs.apply([{ kind: 'flush' }]);
  expect(await runCommand(['ipvsadm', '-S', '-n'])).toBe('');
});

it('reports the version and size that ipvsadm prints', async () => {
  const { version, connectionTableSize } = await ipvs.info();
  const [first] = (await runCommand(['ipvsadm', '-Ln'])).split('\n');
  expect(first).toBe(`IP Virtual Server version ${version} (size=${connectionTableSize})`);
});

it('reads the counters and connections that ipvsadm prints', async () => {
  const [vip, real] = ['127.0.0.10', '127.0.0.11'];
  const id = { kind: 'address', protocol: 'tcp', address: vip, port: 8000 } as const;
  await ipvs.apply([
    { kind: 'add-service', service: defineService({ id, scheduler: 'rr' }) },
    {
      kind: 'add-destination',
      id,
      destination: defineDestination({ address: real, port: 8001, forwarding: 'masquerade' }),
    },
  ]);
  // nobody listens: each connection is one packet in and one reset out
  for (let n = 0; n < 3; n += 1) await tryCommand(['curl', '-sm', '5', `http://${vip}:8000`]);
  const stats = await waitFor(
    async () => {
      const found = (await ipvs.getService(id))?.statistics;
      return found?.connections === 3n && found;
    },
    { what: 'the counters to be published' },
  );
  const printed = await runCommand(SHOW_TOTALS);
  const { connections, packetsIn, packetsOut, bytesIn, bytesOut } = stats;
  expect(/TCP .*/.exec(printed)?.[0].split(/ +/)).toEqual([
    'TCP',
    `${vip}:8000`,
    ...[connections, packetsIn, packetsOut, bytesIn, bytesOut].map(String),
  ]);
  const [destination] = await ipvs.listDestinations(id);
  const theirs = /-> 127.*/.exec(printed)?.[0].split(/ +/);
  const own = destination?.statistics;
  expect(theirs).toEqual([
    '->',
    `${real}:8001`,
    ...[own?.connections, own?.packetsIn, own?.packetsOut, own?.bytesIn, own?.bytesOut].map(String),
  ]);
  const row = /-> 127.*/
    .exec(await runCommand(['ipvsadm', '-Ln']))?.[0]
    .trim()
    .split(/ +/);
  expect(row?.slice(-2)).toEqual([
    String(destination?.activeConnections),
    String(destination?.inactiveConnections),
  ]);
  const zeroed = /TCP +\S+ +0 +0 +0 +0 +0\n +-> \S+ +0 +0 +0 +0 +0\n/;
  const rounds = [
    { what: { kind: 'zero', id }, connectionsBefore: 3 },
    { what: { kind: 'zero' }, connectionsBefore: 0 },
  ] as const;
  for (const { what, connectionsBefore } of rounds) {
    await tryCommand(['curl', '-sm', '5', `http://${vip}:8000`]);
    // the kernel publishes counters every two seconds, and zeroes only what it has published
    const counts = String.raw`\S+ +${connectionsBefore + 1} `;
    const published = new RegExp(String.raw`TCP +${counts}.*\n +-> ${counts}`);
    await waitFor(async () => published.test(await runCommand(SHOW_TOTALS)), {
      what: 'the new connection to be counted',
    });
    await ipvs.apply([what]);
    expect(await runCommand(SHOW_TOTALS)).toMatch(zeroed);
  }
});

it('sets timeouts and daemons as ipvsadm shows them', async () => {
  await ipvs.setTimeouts({ tcpSeconds: 1000, tcpFinSeconds: 100, udpSeconds: 200 });
  expect(await runCommand(['ipvsadm', '-L', '--timeout'])).toContain('1000 100 200');
  await ipvs.startDaemon({ role: 'backup', interface: 'lo', syncId: 9, ttl: 3 });
  expect(await runCommand(['ipvsadm', '-L', '--daemon'])).toMatch(
    /^backup sync daemon \(mcast=lo, syncid=9, .*ttl=3\)/,
  );
  const primary = { role: 'primary', interface: 'lo', syncId: 7, maxLength: 1400 } as const;
  await ipvs.startDaemon({ ...primary, group: '224.0.0.99', port: 8849 });
  expect(await runCommand(['ipvsadm', '-L', '--daemon'])).toMatch(
    /^master sync daemon \(mcast=lo, syncid=7, maxlen=1400, group=224.0.0.99, port=8849,/m,
  );
  expect((await ipvs.listDaemons()).map(({ role }) => role).sort()).toEqual(['backup', 'primary']);
  await ipvs.stopDaemon('primary');
  await ipvs.stopDaemon('backup');
  expect(await runCommand(['ipvsadm', '-L', '--daemon'])).toBe('');
});

it('applies thousands of operations, and reports the few that fail', async () => {
  const vip = (n: number) => `10.2.${n >> 8}.${n & 255}`;
  const text = Array.from({ length: 500 }, (_, n) => {
    const name = `-t ${vip(n)}:80`;
    const servers = [1, 2, 3, 4].map((i) => `-a ${name} -r 10.3.${n & 255}.${i}:80 -m\n`);
    return `-A ${name} -s rr\n${servers.join('')}`;
  }).join('');
  const operations = [...diff(parseSave(text), [])];
  operations.splice(1000, 0, operations[0]!, operations[1]!);
  const error = (await ipvs.apply(operations).catch((reason: unknown) => reason)) as IpvsApplyError;
  expect(error.failed.map((each) => each.error.code)).toEqual([
    'IPVS_SERVICE_EXISTS',
    'IPVS_DESTINATION_EXISTS',
  ]);
  expect(error.done).toHaveLength(2500);
  expect(diff(parseSave(text), await readTable(ipvs))).toEqual([]);
});

it('reports missing permission before it changes anything', async () => {
  process.seteuid?.('nobody');
  try {
    await expect(ipvs.listServices()).rejects.toMatchObject({ code: 'IPVS_PERMISSION', errno: 1 });
  } finally {
    process.seteuid?.(0);
  }
});

it('reports a kernel without IPVS', async () => {
  const modprobe = '/proc/sys/kernel/modprobe';
  const loader = readFileSync(modprobe, 'utf8').trim();
  const loaded = readFileSync('/proc/modules', 'utf8').match(/^ip_vs\w*/gm) ?? [];
  writeFileSync(modprobe, '/bin/false'); // otherwise asking for the family would load the module
  try {
    await runCommand(['rmmod', ...loaded.filter((name) => name !== 'ip_vs'), 'ip_vs']);
    await expect(ipvs.info()).rejects.toMatchObject({
      code: 'IPVS_UNAVAILABLE',
      message: expect.stringContaining('modprobe ip_vs'),
    });
  } finally {
    writeFileSync(modprobe, loader);
  }
  expect((await ipvs.info()).version).toMatch(/^1\.2/); // loads the module again
});
