import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { run } from '../../test/process.ts';

let dir: string;

/** @throws {Error} with the output if it fails */
async function ok(...argv: readonly string[]): Promise<string> {
  const { exitCode, output } = await run(argv);
  if (exitCode !== 0) throw new Error(`${argv.join(' ')}: ${exitCode}\n${output}`);
  return output;
}

const build = (out: string, ...more: readonly string[]): Promise<string> =>
  ok(process.execPath, 'tools/package/main.ts', '--arch=amd64', `--out=${join(dir, out)}`, ...more);

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'packages-'));
  await build('a', '--compression=none');
});
afterAll(() => rm(dir, { recursive: true }));

describe('packages', () => {
  it('are the same bytes when they are built again', async () => {
    await build('b', '--compression=none', '--program=kube-proxy');
    for (const name of await readdir(join(dir, 'b'))) {
      const [one, other] = ['a', 'b'].map((folder) => readFile(join(dir, folder, name)));
      expect((await one)?.equals((await other) ?? Buffer.of()), name).toBe(true);
    }
    expect(await readdir(join(dir, 'a'))).toHaveLength(5);
  });

  it('have nothing that lintian finds', async () => {
    const files = (await readdir(join(dir, 'a'))).filter((name) => name.endsWith('.deb'));
    const strict = ['--allow-root', '--fail-on=error,warning'];
    // they are compressed when they are published, which takes most of the time of a build
    const tags = ['data', 'control'].map((one) => `uses-no-compression-for-${one}-tarball`);
    const uncompressed = `--suppress-tags=${['malformed-deb-archive', ...tags].join(',')}`;
    await ok('lintian', ...strict, uncompressed, ...files.map((name) => join(dir, 'a', name)));
  });

  it.each(['kubelet', 'kube-proxy'])('hold %s as one executable', async (name) => {
    const root = join(dir, `root-${name}`);
    await ok('dpkg-deb', '-x', join(dir, 'a', `nodeagent-${name}_0.1.0_amd64.deb`), root);
    const program = join(root, 'usr/bin', name);
    const clean = ['env', '-i', 'PATH=/nonexistent', program];
    expect(await ok(...clean, '--version')).toBe('Kubernetes v1.36.0\n');
    expect(await run([...clean, '--nonsense'])).toEqual({
      ...{ exitCode: 1, output: `${name}: command line: unknown flag: --nonsense\n` },
    });
    // the flags of Node.js itself are not the program's
    expect((await run([...clean, '--inspect'])).output).toContain('unknown flag: --inspect');
    const page = await ok('zcat', join(root, `usr/share/man/man8/${name}.8.gz`));
    expect(page).toContain(String.raw`.B \-\-config string`);
  });
});

it.each([
  [['--arch=mips'], 2, /--arch: mips is not one of amd64, arm64/],
  [['--program=x', '--compression=y'], 2, /--program: x[^]*--compression: y/],
])('%j is refused', async (argv, exitCode, says) => {
  const done = await run([process.execPath, 'tools/package/main.ts', ...argv]);
  expect(done).toMatchObject({ exitCode, output: expect.stringMatching(says) as string });
});
