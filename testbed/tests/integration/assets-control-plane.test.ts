import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { startApiServer } from '../../src/assets-control-plane.ts';
import { createNodeSpace, type NodeSpace } from '../../src/index.ts';
import { identify } from '../../src/proc.ts';

const STAND_IN = join(import.meta.dirname, 'stand-in.mjs');

let folder: string;
let space: NodeSpace;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'assets-'));
  for (const role of ['kube-apiserver', 'etcd']) {
    await program(role, `exec '${process.execPath}' '${STAND_IN}' ${role} "$@"`);
  }
  space = await createNodeSpace({ name: 'assets' });
});
afterEach(async () => {
  await space.remove();
  await rm(folder, { recursive: true });
});

async function program(name: string, script: string): Promise<void> {
  await writeFile(join(folder, name), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
}

const start = () => startApiServer(space, folder, 'node-1');

/** Writes a program that reports its version and otherwise fails. */
const failing = (script: string) =>
  `[ "$1" = --version ] && exec echo 'Kubernetes v1.36.2
etcd Version: 3.5.30'\n${script}`;

describe('a control plane from a folder of programs', () => {
  it('has certificates that its server and its clients accept, and leaves nothing', async () => {
    const { kubeconfigs, processes, caFile } = await start();
    const ca = await readFile(caFile, 'utf8');
    const who = async (path: string) => JSON.parse(await ask(path, ca)) as unknown;
    expect(await who(kubeconfigs.kubelet)).toEqual({
      user: 'system:node:node-1',
      groups: ['system:nodes'],
    });
    expect(await who(kubeconfigs['kube-proxy'])).toEqual({ user: 'system:kube-proxy', groups: [] });
    expect(await who(kubeconfigs.admin)).toMatchObject({ groups: ['system:masters'] });
    const ids = processes.map(({ pid }) => pid);
    for (const one of processes) await one.stop();
    await space.remove();
    expect(ids.filter((pid) => identify(pid) !== undefined)).toEqual([]);
    expect(existsSync(space.dir)).toBe(false);
  });

  it.each(['kube-apiserver', 'etcd'])('reports why %s ended', async (name) => {
    await program(name, failing('echo "bind: address already in use" >&2; exit 1'));
    const failure = start();
    await expect(failure).rejects.toMatchObject({ code: 'TESTBED_PROCESS_ENDED' });
    await expect(failure).rejects.toThrow(new RegExp(`${name}[^]*bind: address already in use`));
  });

  it('names missing programs before it starts anything', async () => {
    await rm(join(folder, 'kube-apiserver'));
    await expect(start()).rejects.toMatchObject({ code: 'TESTBED_PROGRAM_MISSING' });
    expect(existsSync(join(space.dir, 'logs'))).toBe(false);
  });
});

interface Kubeconfig {
  readonly clusters: readonly [{ readonly cluster: { readonly server: string } }];
  readonly users: readonly [{ readonly user: Readonly<Record<string, string>> }];
}

async function ask(kubeconfig: string, ca: string): Promise<string> {
  const { clusters, users } = JSON.parse(await readFile(kubeconfig, 'utf8')) as Kubeconfig;
  const { user } = users[0];
  const cert = Buffer.from(user['client-certificate-data'] ?? '', 'base64');
  const key = Buffer.from(user['client-key-data'] ?? '', 'base64');
  const url = new URL('/whoami', clusters[0].cluster.server);
  return new Promise((resolve, reject) => {
    const call = request(url, { ca, cert, key, agent: false }, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (chunk: string) => (body += chunk));
      response.on('end', () => resolve(body));
    });
    call.on('error', reject).end();
  });
}
