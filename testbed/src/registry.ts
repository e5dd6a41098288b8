import { createHash } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { extract } from 'tar-stream';

import { runCommand } from './command.ts';
import { TestbedError } from './errors.ts';
import type { ImageArchive } from './images.ts';
import type { NodeSpace } from './node-space.ts';
import { waitUntilUp } from './processes.ts';

export interface RegistryOptions {
  readonly space: NodeSpace;
  /** Credentials that pulling and pushing then need. */
  readonly login?: { readonly username: string; readonly password: string };
  /** 5000 when absent. */
  readonly port?: number;
}

export interface Registry {
  /**
   * The registry's host in image names: `127.0.0.1:5000`, the loopback of the space, which runtimes
   * trust.
   */
  readonly host: string;
  /** @returns the image's name in this registry */
  push(archive: ImageArchive): Promise<string>;
  stop(): Promise<void>;
}

/** A real image registry on the loopback device of a space. */
export async function startRegistry(options: RegistryOptions): Promise<Registry> {
  const { space, login, port = 5000 } = options;
  const dir = join(space.dir, `registry-${port}`);
  await mkdir(dir, { recursive: true });
  const passwords = join(dir, 'htpasswd');
  if (login !== undefined) {
    const { username, password } = login;
    await writeFile(passwords, await runCommand(['htpasswd', '-Bbn', username, password]));
  }
  const config = {
    version: 0.1,
    log: { level: 'warn' },
    storage: { filesystem: { rootdirectory: join(dir, 'data') } },
    // It listens on the node's address too, for pushes from here.
    http: { addr: `:${port}` },
    ...(login && { auth: { htpasswd: { realm: 'testbed', path: passwords } } }),
  };
  const configFile = join(dir, 'config.yml');
  await writeFile(configFile, JSON.stringify(config)); // JSON is valid YAML
  const running = await space.start(`registry-${port}`, ['docker-registry', 'serve', configFile]);
  const url = `http://${space.network.nodeIp}:${port}/v2/`;
  const headers: Record<string, string> = login
    ? { authorization: `Basic ${btoa(`${login.username}:${login.password}`)}` }
    : {};
  const isUp = async () => (await fetch(url, { headers })).ok;
  await waitUntilUp(running, isUp, { what: 'the image registry to answer', signal: space.signal });
  const host = `127.0.0.1:${port}`;
  return {
    host,
    push: (archive) => push({ url, headers, host }, archive),
    stop: () => running.stop(),
  };
}

interface Target {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly host: string;
}

async function push({ url, headers, host }: Target, { file, name }: ImageArchive): Promise<string> {
  const [, path = '', tag = 'latest'] = /^[^/]+\/([^:]+)(?::(.+))?$/.exec(name) ?? [];
  const files = await readArchive(file);
  const index = JSON.parse(String(files.get('index.json'))) as { manifests: [Descriptor] };
  const [descriptor] = index.manifests;
  const manifest = blobOf(files, descriptor);
  const { config, layers } = JSON.parse(String(manifest)) as {
    config: Descriptor;
    layers: readonly Descriptor[];
  };
  for (const blob of [config, ...layers]) {
    const begun = await expectOk(`${url}${path}/blobs/uploads/`, { method: 'POST', headers });
    const place = new URL(begun.headers.get('location') ?? '', url);
    place.searchParams.set('digest', blob.digest);
    await expectOk(place.href, {
      method: 'PUT',
      headers: { ...headers, 'content-type': 'application/octet-stream' },
      body: blobOf(files, blob),
    });
  }
  await expectOk(`${url}${path}/manifests/${tag}`, {
    method: 'PUT',
    headers: { ...headers, 'content-type': descriptor.mediaType },
    body: manifest,
  });
  return `${host}/${path}:${tag}`;
}

interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
}

function blobOf(files: ReadonlyMap<string, Buffer>, { digest }: Descriptor): Buffer<ArrayBuffer> {
  const content = files.get(`blobs/${digest.replace(':', '/')}`) ?? Buffer.alloc(0);
  const actual = `sha256:${createHash('sha256').update(content).digest('hex')}`;
  if (actual !== digest) throw new Error(`the archive has no blob ${digest}`);
  return Buffer.from(content);
}

async function readArchive(file: string): Promise<ReadonlyMap<string, Buffer>> {
  const files = new Map<string, Buffer>();
  const reader = extract();
  reader.end(await readFile(file));
  for await (const entry of reader) {
    const chunks: Buffer[] = [];
    for await (const chunk of entry) chunks.push(chunk as Buffer);
    files.set(entry.header.name, Buffer.concat(chunks));
  }
  return files;
}

async function expectOk(url: string, init: RequestInit): Promise<Response> {
  const answer = await fetch(url, init);
  if (answer.ok) return answer;
  const text = `${init.method} ${url}: ${answer.status} ${await answer.text()}`;
  throw new TestbedError('TESTBED_COMMAND_FAILED', text);
}
