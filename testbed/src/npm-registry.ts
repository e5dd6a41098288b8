import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';

const execute = promisify(execFile);

/** A registry on loopback for our own packages; it fetches all others through the machine's own. */
export interface NpmRegistry {
  readonly url: string;
  /** Environment for npm: this registry, and a cache and configuration separate from the user's. */
  readonly npmEnv: Readonly<Record<string, string>>;
  stop(): Promise<void>;
}

export async function startNpmRegistry(root: string, dir: string): Promise<NpmRegistry> {
  const { stdout } = await execute('npm', ['config', 'get', 'registry'], { cwd: dir });
  const port = await freePort();
  const url = `http://127.0.0.1:${port}/`;
  const config = {
    storage: join(dir, 'storage'),
    uplinks: { machine: { url: stdout.trim(), timeout: '60s', maxage: '10m' } },
    packages: {
      '@nodeagent/*': { access: '$all', publish: '$all' },
      '**': { access: '$all', proxy: 'machine' },
    },
    max_body_size: '50mb',
    log: { type: 'file', path: join(dir, 'registry.log'), format: 'json', level: 'warn' },
  };
  await writeFile(join(dir, 'registry.json'), JSON.stringify(config)); // JSON is valid YAML
  await writeFile(join(dir, 'npmrc'), `registry=${url}\n//127.0.0.1:${port}/:_authToken=none\n`);
  const program = join(root, 'node_modules/verdaccio/bin/verdaccio');
  const args = ['--config', join(dir, 'registry.json'), '--listen', `127.0.0.1:${port}`];
  const child = spawn(process.execPath, [program, ...args], { stdio: 'ignore' });
  await answers(`${url}-/ping`, child);
  return {
    url,
    npmEnv: {
      npm_config_userconfig: join(dir, 'npmrc'),
      npm_config_registry: url,
      npm_config_cache: join(dir, 'cache'),
      npm_config_audit: 'false',
      npm_config_fund: 'false',
      npm_config_update_notifier: 'false',
    },
    stop: async () => {
      child.kill();
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
    },
  };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

async function answers(url: string, child: ChildProcess): Promise<void> {
  for (let attempt = 0; attempt < 150; attempt += 1) {
    if (child.exitCode !== null) throw new Error(`the registry ended with code ${child.exitCode}`);
    const ok = await fetch(url).then(
      (response) => response.ok,
      () => false,
    );
    if (ok) return;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  throw new Error(`the registry at ${url} does not answer`);
}
