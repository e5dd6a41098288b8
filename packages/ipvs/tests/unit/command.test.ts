import { describe, expect, it } from 'vitest';

import { runCommand } from '../../src/bin/command.js';
import { parseSave, readTable, renderSave } from '../../src/index.js';
import { MemoryIpvs } from '../../src/testing/index.js';

const TABLE = `\
-A -t 10.0.0.1:80 -s rr
-a -t 10.0.0.1:80 -r 10.1.0.1:8080 -m -w 5
-A -u 10.0.0.2:53 -s wrr -p 60 -M 255.255.255.0 -o
`;

async function run(argv: readonly string[], ipvs: MemoryIpvs, input = TABLE) {
  const printed: string[] = [];
  const warned: string[] = [];
  const exitCode = await runCommand(argv, {
    ipvs,
    readInput: () => input,
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
      'update-destination tcp 10.0.0.1:80 → 10.1.0.1:8080\n',
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

it.each([[[]], [['frob']], [['apply']], [['list', '--format', 'xml']], [['--frob']]])(
  'refuses the command line %j',
  async (argv) => {
    const { exitCode, warned } = await run(argv, new MemoryIpvs());
    expect(exitCode).toBe(2);
    expect(warned).toMatch(/^ipvs: /);
  },
);

it('prints its usage', async () => {
  expect((await run(['--help'], new MemoryIpvs())).printed).toContain('ipvs apply');
});
