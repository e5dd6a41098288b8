import { spawn } from 'node:child_process';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

import { ENDPOINT_SLICES, SERVICE_CIDRS, SERVICES } from '@nodeagent/kube-client';
import { aService, aSlice } from '@nodeagent/kube-proxy/testing';
import { runCommand, type TestProcess, waitFor } from '@nodeagent/testbed';
import { afterAll, beforeAll, expect, it } from 'vitest';

import { inOwnNamespace } from '../../../../vitest.namespace.js';
import { createWorld, type World, WORLD_IP } from './world.js';

let world: World;
let proxy: TestProcess | undefined;

const tables = (): Promise<string> => world.node.run(['nft', 'list', 'tables']);
const chains = async (): Promise<readonly string[]> =>
  (await world.node.run(['iptables-save'])).match(/KUBE-(?!FIREWALL)[\w-]+/g) ?? [];

const isNftables = async (): Promise<boolean> =>
  (await chains()).length === 0 && (await tables()).includes('ip kube-proxy');
const isIptables = async (): Promise<boolean> =>
  (await chains()).length > 0 && !(await tables()).includes('kube-proxy');

async function become(mode: 'iptables' | 'nftables'): Promise<void> {
  await proxy?.stop();
  world.configure({ mode, [mode]: { minSyncPeriod: '50ms' } });
  proxy = await world.start();
  const done = mode === 'nftables' ? isNftables : isIptables;
  await waitFor(done, { what: `${mode} mode alone`, timeoutMs: 60_000 });
}

inOwnNamespace(
  'tests/integration/switch-modes.test.ts',
  () => {
    beforeAll(async () => {
      world = await createWorld({});
      const server = createServer((socket) => {
        socket.on('error', () => socket.destroy());
        socket.end('web');
      });
      await new Promise<void>((resolve) => server.listen(8080, '0.0.0.0', () => resolve()));
      const ports = [{ port: 80, protocol: 'TCP' }];
      world.api.objects.seed(SERVICES, aService('default/web', { clusterIP: '10.96.0.1', ports }));
      const slicePorts = [{ name: '', port: 8080, protocol: 'TCP' }];
      world.api.objects.seed(ENDPOINT_SLICES, aSlice('default/web', slicePorts, [WORLD_IP]));
      return () => server.close();
    }, 300_000);

    afterAll(async () => {
      await proxy?.stop();
      await world?.remove();
    });

    it('loses no connection from iptables to nftables mode and back', async () => {
      await become('iptables');
      const script = join(import.meta.dirname, 'churn-client.mjs');
      const [program = '', ...args] = [...world.node.enter, process.execPath, script, '1'];
      const client = spawn(program, args, { stdio: ['pipe', 'pipe', 'inherit'] });
      const seen: Record<string, number> = {};
      let servedMs = Number.POSITIVE_INFINITY;
      createInterface({ input: client.stdout }).on('line', (line) => {
        const { answer, atMs } = JSON.parse(line) as { answer: string; atMs: number };
        if (answer === 'web') servedMs = Math.min(servedMs, Date.now());
        // before the first answer the rules may not have been there
        if (atMs >= servedMs) seen[answer] = (seen[answer] ?? 0) + 1;
      });
      const isServed = () => (seen['web'] ?? 0) > 0;
      await waitFor(isServed, { what: 'the first connections' });
      await become('nftables');
      await become('iptables');
      client.stdin.end();
      await new Promise((resolve) => client.once('close', resolve));
      expect(Object.keys(seen)).toEqual(['web']);
    });

    it('leaves nothing of iptables mode after --init-only in nftables mode', async () => {
      await proxy?.stop();
      world.configure({ mode: 'nftables' });
      proxy = await world.start(['--init-only']);
      expect(await proxy.ended).toBe(0);
      expect(await chains()).toEqual([]);
      expect(await tables()).not.toContain('kube-proxy');
    });

    it('drops what is for an address of the Service range that is nobody’s', async () => {
      await become('nftables');
      const nobodys = '10.96.0.99';
      // were packets let out, they would find somebody
      await runCommand(['ip', 'addr', 'add', `${nobodys}/32`, 'dev', 'lo']);
      const connect = async (url: string): Promise<number> =>
        (await world.node.try(['curl', '-sS', '--http0.9', '-m', '1', url])).exitCode;
      const [OK, REFUSED, SILENCE] = [0, 7, 28];
      expect(await connect(`http://${nobodys}:8080`)).toBe(OK);
      const spec = { cidrs: ['10.96.0.0/16'] };
      world.api.objects.seed(SERVICE_CIDRS, { metadata: { name: 'kubernetes' }, spec });
      const isDropped = async () => (await connect(`http://${nobodys}:8080`)) === SILENCE;
      await waitFor(isDropped, { what: 'the range to be known', timeoutMs: 60_000 });
      expect(await connect('http://10.96.0.1:80')).toBe(OK);
      expect(await connect('http://10.96.0.1:81')).toBe(REFUSED);
    });

    it('leaves nothing of nftables mode after --cleanup, and others alone', async () => {
      await become('nftables');
      await proxy?.stop();
      expect(await tables()).toContain('ip kube-proxy');
      await world.node.run(['nft', 'add', 'table', 'ip', 'other']);
      proxy = await world.start(['--cleanup']);
      expect(await proxy.ended).toBe(0);
      expect(await tables()).not.toContain('kube-proxy');
      expect(await tables()).toContain('table ip other');
    });
  },
  600_000,
);
