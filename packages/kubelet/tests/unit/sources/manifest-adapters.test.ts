import { once } from 'node:events';
import { mkdir, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { createManifestFiles, createManifestUrl } from '../../../src/adapters/index.js';

const signal = new AbortController().signal;
const PATIENCE = { timeout: 20_000, interval: 20 };

describe(createManifestFiles, () => {
  let dir: string;
  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'manifests-'));
  });
  afterEach(() => rm(dir, { recursive: true, force: true }));

  it('lists files and links to files, without hidden ones and directories', async () => {
    await mkdir(join(dir, 'folder'));
    for (const name of ['b.yaml', 'a.json', '.hidden']) await writeFile(join(dir, name), 'x');
    await symlink(join(dir, '.hidden'), join(dir, 'link'));
    const files = createManifestFiles(`${dir}/`);
    const paths = ['a.json', 'b.yaml', 'link'].map((name) => join(dir, name));
    expect(await files.list()).toEqual({ kind: 'directory', paths });
    expect(await files.read(join(dir, 'link'))).toBe('x');
  });

  it('distinguishes a single file from a missing path', async () => {
    const path = join(dir, 'pod.yaml');
    const files = createManifestFiles(path);
    expect(await files.list()).toEqual({ kind: 'missing' });
    expect(await files.read(path)).toBeUndefined();
    await writeFile(path, 'x');
    expect(await files.list()).toEqual({ kind: 'file', path });
  });

  it('refuses a special file and a file that is too large', async () => {
    const files = createManifestFiles(dir);
    await expect(files.read(dir)).rejects.toThrow('is not a regular file');
    await writeFile(join(dir, 'big'), Buffer.alloc(10 * 1024 * 1024 + 1));
    await expect(files.read(join(dir, 'big'))).rejects.toThrow('is larger than 10 MiB');
  });

  it.each([
    ['a directory', (path: string) => path.replace(/\/[^/]*$/, '')],
    ['a file', (path: string) => path],
  ])('reports writes, renames and removals below %s', async (_, watched) => {
    const path = join(dir, 'pod.yaml');
    await writeFile(path, 'x');
    const told = new Set<string>();
    const end = new AbortController();
    const watching = createManifestFiles(watched(path)).watch((each) => told.add(each), end.signal);
    const isTold = async (act: () => Promise<void>): Promise<void> => {
      told.clear();
      await vi.waitFor(async () => {
        await act();
        expect([...told]).toEqual([path]);
      }, PATIENCE);
    };
    await isTold(() => writeFile(path, 'y'));
    await isTold(async () => {
      await writeFile(join(dir, '.new'), 'z');
      await rename(join(dir, '.new'), path);
    });
    await isTold(() => rm(path, { force: true }).then(() => writeFile(path, 'again')));
    end.abort();
    await watching.catch(() => undefined);
  });

  it('ends its watch when its directory is removed', async () => {
    const inner = join(dir, 'inner');
    await mkdir(inner);
    const watching = createManifestFiles(inner).watch(() => undefined, signal);
    let ended = false;
    const end = watching.then(() => (ended = true));
    await vi.waitFor(async () => {
      await rm(inner, { recursive: true, force: true });
      expect(ended).toBe(true);
    }, PATIENCE);
    await end;
  });

  it('cannot watch a missing path', async () => {
    const files = createManifestFiles(join(dir, 'a/b'));
    await expect(files.watch(() => undefined, signal)).rejects.toThrow('ENOENT');
  });
});

describe(createManifestUrl, () => {
  let server: Server;
  let base: string;
  const seen: { url: string; token: unknown }[] = [];
  beforeEach(async () => {
    seen.length = 0;
    server = createServer((request, response) => {
      seen.push({ url: request.url ?? '', token: request.headers['x-token'] });
      if (request.url === '/moved') {
        response.writeHead(302, { Location: '/pods' }).end('elsewhere');
      } else if (request.url === '/loop') {
        response.writeHead(302, { Location: '/loop' }).end();
      } else response.writeHead(request.url === '/pods' ? 200 : 404).end('text');
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterEach(() => server.close());

  it('sends its headers, and follows redirects', async () => {
    const url = createManifestUrl(`${base}/moved`, { 'X-Token': ['a', 'b'] });
    expect(await url.fetch(signal)).toEqual({ httpStatus: 200, body: 'text' });
    expect(seen).toEqual([
      { url: '/moved', token: 'a, b' },
      { url: '/pods', token: 'a, b' },
    ]);
  });

  it('returns other statuses, and stops in a redirect loop', async () => {
    expect(await createManifestUrl(`${base}/none`, {}).fetch(signal)).toMatchObject({
      httpStatus: 404,
    });
    await expect(createManifestUrl(`${base}/loop`, {}).fetch(signal)).rejects.toThrow(
      'stopped after 10 redirects',
    );
  });

  it('fails if there is no response', async () => {
    const { port } = server.address() as AddressInfo;
    server.close();
    await once(server, 'close');
    const url = createManifestUrl(`http://127.0.0.1:${port}/`, {});
    await expect(url.fetch(signal)).rejects.toThrow('ECONNREFUSED');
  });
});
