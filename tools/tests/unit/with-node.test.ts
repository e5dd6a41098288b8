import { execFile, execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, expect, it } from 'vitest';

const SCRIPT = join(import.meta.dirname, '../../with-node.sh');
const ARCH = process.arch === 'arm64' ? 'arm64' : 'x64';
const PIN = new RegExp(`^sha512_${ARCH}=.*$`, 'm');

const made: string[] = [];
afterEach(async () => {
  for (const dir of made.splice(0)) await rm(dir, { recursive: true });
});

/** A checkout whose registry offers a Node.js that only reports its version. */
async function checkout(edit: (script: string, sha512: string) => string) {
  const root = await mkdtemp(join(tmpdir(), 'with-node-'));
  made.push(root);
  for (const dir of ['tools', 'bin', 'package/bin', 'node_modules']) {
    await mkdir(join(root, dir), { recursive: true });
  }
  const program = async (path: string, text: string): Promise<void> => {
    await writeFile(join(root, path), `#!/bin/sh\n${text}\n`);
    await chmod(join(root, path), 0o755);
  };
  await program('package/bin/node', 'echo v26.10.0');
  execFileSync('tar', ['-czf', join(root, 'offered.tgz'), '-C', root, 'package']);
  await program('bin/node', 'echo v1.0.0');
  await program(
    'bin/npm',
    `case $1 in pack) cp "${root}/offered.tgz" "node-linux-${ARCH}-26.10.0.tgz" ;; esac`,
  );
  const offered = await readFile(join(root, 'offered.tgz'));
  const script = edit(
    await readFile(SCRIPT, 'utf8'),
    createHash('sha512').update(offered).digest('hex'),
  );
  await writeFile(join(root, 'tools/with-node.sh'), script);
  await writeFile(join(root, 'package-lock.json'), '{}');
  return (...argv: readonly string[]) =>
    new Promise<{ ok: boolean; stdout: string; stderr: string }>((done) => {
      const env = { ...process.env, PATH: `${root}/bin:/usr/bin:/bin` };
      const script = join(root, 'tools/with-node.sh');
      execFile('sh', [script, ...argv], { env }, (error, stdout, stderr) => {
        done({ ok: error === null, stdout, stderr });
      });
    });
}

it('a Node.js with a hash other than the pinned one is refused and removed', async () => {
  const run = await checkout((script) => script);
  for (const attempt of ['first', 'again']) {
    const { ok, stdout, stderr } = await run('node', attempt);
    expect({ ok, stdout }).toEqual({ ok: false, stdout: '' });
    expect(stderr).toContain(`node-linux-${ARCH}-26.10.0.tgz is another file than the one`);
    expect(stderr).toMatch(
      /SHA-512 expected: [0-9a-f]{128}\n {2}SHA-512 received: [0-9a-f]{128}\n/,
    );
  }
});

it('a Node.js with the pinned hash is used', async () => {
  const run = await checkout((script, sha512) => script.replace(PIN, `sha512_${ARCH}=${sha512}`));
  expect(await run('node', '--version')).toMatchObject({ ok: true, stdout: 'v26.10.0\n' });
});

it('npm runs no install scripts here', async () => {
  const npmrc = await readFile(join(import.meta.dirname, '../../../.npmrc'), 'utf8');
  expect(npmrc.split('\n')).toContain('ignore-scripts=true');
});
