import { describe, expect, it } from 'vitest';

import { runCommand } from '../../src/bin/command.js';
import { networkNamespace } from '../../src/bin/network-namespace.js';
import { parseSave, readTable, renderSave } from '../../src/index.js';
import { MemoryIpvs } from '../../src/testing/index.js';

const TABLE = `\
-A -t 10.0.0.1:80 -s rr
-a -t 10.0.0.1:80 -r 10.1.0.1:8080 -m -w 5
-A -u 10.0.0.2:53 -s wrr -p 60 -M 255.255.255.0 -o
`;

async function run(
  argv: readonly string[],
  ipvs: MemoryIpvs,
  input: string | Readonly<Record<string, string>> = TABLE,
) {
  const printed: string[] = [];
  const warned: string[] = [];
  const exitCode = await runCommand(argv, {
    ipvs,
    version: '1.2.3',
    readInput: (file) => (typeof input === 'string' ? input : (input[file] ?? '')),
    print: (text) => void printed.push(text),
    warn: (text) => void warned.push(text),
    isTerminal: false,
    pause: () => Promise.resolve(),
    signal: new AbortController().signal,
  });
  return { exitCode, printed: printed.join(''), warned: warned.join('') };
}

describe('ipvs apply', () => {
  it('makes the table equal to the file and prints the operations', async () => {
    const ipvs = new MemoryIpvs();
    expect(await run(['apply', 'file'], ipvs)).toMatchObject({
      exitCode: 0,
      printed: `\
add-service tcp 10.0.0.1:80
add-destination tcp 10.0.0.1:80 → 10.1.0.1:8080
add-service udp 10.0.0.2:53
`,
    });
    expect(renderSave(await readTable(ipvs))).toBe(TABLE);
    expect((await run(['apply', '-'], ipvs)).printed).toBe('');
    expect((await run(['apply', '--keep', '-'], ipvs, '')).printed).toBe('');
    expect((await run(['apply', '-'], ipvs, '')).printed).toContain('delete-service');
  });

  it('changes nothing with --dry-run', async () => {
    const ipvs = new MemoryIpvs();
    expect((await run(['apply', '--dry-run', '-'], ipvs)).printed).toContain('add-service');
    expect(await ipvs.listServices()).toEqual([]);
  });

  it('keeps connections with --drain', async () => {
    const ipvs = new MemoryIpvs();
    await run(['apply', '-'], ipvs);
    const [first] = parseSave(TABLE);
    ipvs.setConnections(first!.service.id, '10.1.0.1:8080', 1);
    const without = '-A -t 10.0.0.1:80 -s rr\n';
    expect((await run(['apply', '--drain', '--keep', '-'], ipvs, without)).printed).toBe(
      'update-destination tcp 10.0.0.1:80 → 10.1.0.1:8080 (weight 5 → 0)\n',
    );
  });

  it('recognises JSON by its first bracket', async () => {
    const ipvs = new MemoryIpvs();
    await run(['apply', '-'], ipvs);
    const { printed } = await run(['list', '--format', 'json'], ipvs);
    expect((await run(['apply', '-'], ipvs, printed)).printed).toBe('');
    expect((await run(['apply', '-'], ipvs, '[]')).printed).toContain('delete-service');
  });

  it('reports the operations that failed', async () => {
    const ipvs = new MemoryIpvs();
    const text = `${TABLE}-A -t 10.0.0.9:80 -s nope\n`;
    const { exitCode, printed, warned } = await run(['apply', '-'], ipvs, text);
    expect(exitCode).toBe(1);
    expect(printed.split('\n')).toHaveLength(4);
    expect(warned).toContain('add-service tcp 10.0.0.9:80');
  });
});

describe('ipvs add, edit and delete', () => {
  const words = (line: string) => line.split(' ');

  it('makes one change each', async () => {
    const ipvs = new MemoryIpvs();
    const lines = [
      'add -t 10.0.0.1:80 -s wrr -p 60',
      'add -t 10.0.0.1:80 -r 10.1.0.1:8080 -m -w 5 -x 9',
      'add -t 10.0.0.1:80 -r 10.1.0.2 -g',
      'add -f 7 -6',
      'delete -t 10.0.0.1:80 -r 10.1.0.2:80',
      'delete -f 7 -6',
    ];
    for (const line of lines) expect(await run(words(line), ipvs)).toMatchObject({ exitCode: 0 });
    expect(renderSave(await readTable(ipvs))).toBe(
      '-A -t 10.0.0.1:80 -s wrr -p 60\n-a -t 10.0.0.1:80 -r 10.1.0.1:8080 -m -w 5 -x 9\n',
    );
  });

  it('keeps what an edit does not name', async () => {
    const ipvs = new MemoryIpvs();
    await run(['apply', '-'], ipvs);
    expect((await run(words('edit -t 10.0.0.1:80 -r 10.1.0.1:8080 -w 0'), ipvs)).printed).toBe(
      'update-destination tcp 10.0.0.1:80 → 10.1.0.1:8080 (weight 5 → 0)\n',
    );
    await run(words('edit -u 10.0.0.2:53 -p 90'), ipvs);
    expect(renderSave(await readTable(ipvs))).toBe(
      TABLE.replace('-w 5', '-w 0').replace('-p 60', '-p 90'),
    );
    await run(words('edit -t 10.0.0.1:80 -r 10.1.0.1:8080 -i'), ipvs);
    await run(words('edit -u 10.0.0.2:53 -s sh -b sh-port'), ipvs);
    expect(renderSave(await readTable(ipvs))).toBe(`\
-A -t 10.0.0.1:80 -s rr
-a -t 10.0.0.1:80 -r 10.1.0.1:8080 -i -w 0 --tun-type ipip
-A -u 10.0.0.2:53 -s sh -p 90 -M 255.255.255.0 -o -b sh-port
`);
  });

  it('changes nothing with --dry-run', async () => {
    const ipvs = new MemoryIpvs();
    expect((await run(words('add --dry-run -t 10.0.0.1:80'), ipvs)).printed).toBe(
      'add-service tcp 10.0.0.1:80\n',
    );
    expect(await ipvs.listServices()).toEqual([]);
  });

  it.each([
    ['edit -t 10.0.0.9:80 -s rr', 'IPVS_SERVICE_MISSING'],
    ['edit -t 10.0.0.1:80 -r 10.1.0.9:1 -w 1', 'IPVS_DESTINATION_MISSING'],
    ['delete -t 10.0.0.1:80 -w 1', 'IPVS_INVALID'],
    ['edit -t 10.0.0.1:80 -r 10.1.0.1:8080 --tun-type gre', 'IPVS_INVALID'],
    ['add -s rr', 'IPVS_INVALID'],
    ['add -t 10.0.0.1:80 --frob', 'IPVS_INVALID'],
  ])('refuses `%s`', async (line, code) => {
    const ipvs = new MemoryIpvs();
    await run(['apply', '-'], ipvs);
    await expect(run(words(line), ipvs)).rejects.toMatchObject({ code });
    expect(renderSave(await readTable(ipvs))).toBe(TABLE);
  });

  it('reports what the kernel refuses', async () => {
    const ipvs = new MemoryIpvs();
    await run(['apply', '-'], ipvs);
    const { exitCode, warned } = await run(words('add -t 10.0.0.1:80'), ipvs);
    expect(exitCode).toBe(1);
    expect(warned).toContain('tcp 10.0.0.1:80');
  });

  it('explains itself', async () => {
    expect((await run(['add', '--help'], new MemoryIpvs())).printed).toContain('ipvs delete');
  });
});

describe('ipvs diff', () => {
  const files = { new: TABLE, old: '-A -t 10.0.0.1:80 -s rr\n-A -f 7 -s rr\n' };

  it('compares two files without a kernel', async () => {
    const ipvs = new MemoryIpvs();
    ipvs.close();
    expect(await run(['diff', 'new', 'old'], ipvs, files)).toMatchObject({
      exitCode: 1,
      printed: `\
add-destination tcp 10.0.0.1:80 → 10.1.0.1:8080
add-service udp 10.0.0.2:53
delete-service mark 7
`,
    });
    expect((await run(['diff', '--keep', 'new', 'old'], ipvs, files)).printed).not.toContain(
      'delete',
    );
    expect(await run(['diff', 'new', 'new'], ipvs, files)).toMatchObject({
      exitCode: 0,
      printed: '',
    });
  });

  it('compares a file with the table and leaves it', async () => {
    const ipvs = new MemoryIpvs();
    expect((await run(['diff', 'new'], ipvs, files)).exitCode).toBe(1);
    expect(await ipvs.listServices()).toEqual([]);
    await run(['apply', 'new'], ipvs, files);
    expect((await run(['diff', 'new'], ipvs, files)).exitCode).toBe(0);
  });
});

it('finds the network namespace in the command line', () => {
  expect(networkNamespace(['list', '--format', 'json'])).toBeUndefined();
  expect(networkNamespace(['--netns', 'blue', 'list'])).toEqual({
    path: '/run/netns/blue',
    argv: ['list'],
  });
  expect(networkNamespace(['add', '--netns=/proc/7/ns/net', '-f', '1'])).toEqual({
    path: '/proc/7/ns/net',
    argv: ['add', '-f', '1'],
  });
  expect(networkNamespace(['list', '--netns'])).toMatch(/needs a name/);
  expect(networkNamespace(['--netns', '--format', 'json'])).toMatch(/needs a name/);
});

it('prints its version', async () => {
  expect((await run(['--version'], new MemoryIpvs())).printed).toBe('ipvs 1.2.3\n');
});

describe('ipvs list', () => {
  it('lays the table out as ipvsadm -Ln does', async () => {
    const ipvs = new MemoryIpvs();
    await run(['apply', '-'], ipvs);
    expect((await run(['list'], ipvs)).printed).toBe(`\
Prot LocalAddress:Port Scheduler Flags
  -> RemoteAddress:Port           Forward Weight ActiveConn InActConn
TCP  10.0.0.1:80 rr
  -> 10.1.0.1:8080                Masq    5      0          0         \

UDP  10.0.0.2:53 wrr persistent 60 mask 255.255.255.0 ops
`);
  });

  it('saves in the format of ipvsadm -R', async () => {
    const ipvs = new MemoryIpvs();
    await run(['apply', '-'], ipvs);
    expect((await run(['list', '--format', 'save'], ipvs)).printed).toBe(TABLE);
  });
});

it('ipvs watch shows the rates the given number of times', async () => {
  const ipvs = new MemoryIpvs();
  await run(['apply', '-'], ipvs);
  const { printed } = await run(['watch', '--count', '2', '--interval', '0.1'], ipvs);
  expect(printed.match(/Conns\/s/g)).toHaveLength(2);
  expect(printed.match(/TCP {2}10\.0\.0\.1:80/g)).toHaveLength(2);
});

it.each([
  [[]],
  [['frob']],
  [['apply']],
  [['apply', 'a', 'b']],
  [['list', '--format', 'xml']],
  [['--frob']],
  [['diff']],
  [['diff', 'a', 'b', 'c']],
])('refuses the command line %j', async (argv) => {
  const { exitCode, warned } = await run(argv, new MemoryIpvs());
  expect(exitCode).toBe(2);
  expect(warned).toMatch(/^ipvs: /);
});

it('prints its usage', async () => {
  expect((await run(['--help'], new MemoryIpvs())).printed).toContain('ipvs apply');
});
