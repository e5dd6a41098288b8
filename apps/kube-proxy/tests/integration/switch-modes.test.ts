import { spawn } from 'node:child_process';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

import { ENDPOINT_SLICES, SERVICE_CIDRS, SERVICES } from '@nodeagent/kube-client';
import { aService, aSlice } from '@nodeagent/kube-proxy/testing';
import { ifStarted, runCommand, type TestProcess, waitFor } from '@nodeagent/testbed';
import { afterAll, beforeAll, expect, it } from 'vitest';

import { inOwnNamespace } from '../../../../vitest.namespace.js';
import { createWorld, type World, WORLD_IP } from './world.js';

let world: World;
let proxy: TestProcess | undefined;

const tables = (): Promise<string> => world.node.run(['nft', 'list', 'tables']);
const chains = async (): Promise<readonly string[]> =>
  (await world.node.run(['iptables-save'])).match(/KUBE-(?!FIREWALL)[\w-]+/g) ?? [];

type Mode = 'iptables' | 'nftables' | 'userspace';

/** Returns the modes whose rules exist. */
async function modesThere(): Promise<readonly Mode[]> {
  const names = new Set(await chains());
  const isThere: Readonly<Record<Mode, boolean>> = {
    iptables: names.has('KUBE-SERVICES'),
    nftables: (await tables()).includes('ip kube-proxy'),
    userspace: names.has('KUBE-PORTALS-HOST'),
  };
  return (Object.keys(isThere) as Mode[]).filter((mode) => isThere[mode]);
}

async function become(mode: Mode): Promise<void> {
  await proxy?.stop();
  const section = mode === 'userspace' ? 'iptables' : mode;
  world.configure({ mode, [section]: { minSyncPeriod: '50ms' } });
  proxy = await world.start();
  const isAlone = async () => (await modesThere()).join() === mode;
  await waitFor(isAlone, { what: `${mode} mode alone`, timeoutMs: 60_000 });
}

/** @param seconds time after which the result is silence */
const connectOnce = async (url: string, seconds = 20): Promise<number> =>
  (await world.node.try(['curl', '-sS', '--http0.9', '-m', String(seconds), url])).exitCode;
/** Exit codes of curl. */
const [OK, REFUSED, SILENCE] = [0, 7, 28];

type Line = Readonly<{ protocol: string; answer: string; atMs: number; endMs: number }>;

interface Attempt {
  readonly answer: string;
  readonly beganMs: number;
  readonly endedMs: number;
}

/** A range that nothing listens on, outside the kernel's own choice of ports. */
const FIRST_PORT = 11_000;

/**
 * Connects to the Service from the node continuously, until it is stopped. Each connection has its
 * own port, and the kernel has tracked no wrong connection from it before: it would send later ones
 * from the same port the same way.
 */
async function connectAllTheTime() {
  const isServed = async () => (await connectOnce('http://10.96.0.1:80', 1)) === OK;
  await waitFor(isServed, { what: 'the Service to answer' });
  await world.node.run(['conntrack', '-F']);
  const script = join(import.meta.dirname, 'churn-client.mjs');
  const [program, ...args] = [...world.node.enter, process.execPath, script, '1', `${FIRST_PORT}`];
  const client = spawn(program, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  const attempts: Attempt[] = [];
  createInterface({ input: client.stdout }).on('line', (line) => {
    const { protocol, answer, atMs, endMs } = JSON.parse(line) as Line;
    if (protocol === 'tcp') attempts.push({ answer, beganMs: atMs, endedMs: endMs });
  });
  await waitFor(() => attempts.length > 0, { what: 'the first connections' });
  return {
    end: async (): Promise<readonly Attempt[]> => {
      client.stdin.end();
      await new Promise((resolve) => client.once('close', resolve));
      return attempts;
    },
  };
}

const isLost = ({ answer }: Attempt): boolean => answer !== 'web';

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
      await ifStarted(world)?.remove();
    });

    it('loses no connection from iptables to nftables mode and back', async () => {
      await become('iptables');
      const client = await connectAllTheTime();
      await become('nftables');
      await become('iptables');
      const attempts = await client.end();
      expect(attempts.filter(isLost)).toEqual([]);
    });

    it.each(['iptables', 'nftables'] as const)(
      'loses no connection from %s to userspace mode',
      async (before) => {
        await become(before);
        const client = await connectAllTheTime();
        await become('userspace');
        expect((await client.end()).filter(isLost)).toEqual([]);
      },
    );

    // its connections end with the process that carries them, and none are accepted in between
    it.each(['iptables', 'nftables'] as const)(
      'switches from userspace to %s mode with a gap that ends at the first served connection',
      async (after) => {
        await become('userspace');
        const client = await connectAllTheTime();
        const stoppingMs = Date.now();
        await proxy?.stop();
        const stoppedMs = Date.now();
        await become(after);
        const attempts = await client.end();
        const lost = attempts.filter(isLost);
        expect(lost.filter(({ endedMs }) => endedMs < stoppingMs)).toEqual([]);
        const back = attempts.filter((one) => !isLost(one) && one.beganMs > stoppedMs);
        const backMs = Math.min(...back.map(({ endedMs }) => endedMs));
        expect(back).not.toEqual([]);
        expect(lost.filter(({ beganMs }) => beganMs > backMs)).toEqual([]);
      },
    );

    it('leaves nothing of iptables mode after --init-only in nftables mode', async () => {
      await become('iptables');
      await proxy?.stop();
      world.configure({ mode: 'nftables' });
      proxy = await world.start(['--init-only']);
      expect(await proxy.ended).toBe(0);
      expect(await chains()).toEqual([]);
      expect(await tables()).not.toContain('kube-proxy');
    });

    it('drops packets to an unassigned address of the Service range', async () => {
      await become('nftables');
      const nobodys = '10.96.0.99';
      // without the rule, packets would reach this address
      await runCommand(['ip', 'addr', 'add', `${nobodys}/32`, 'dev', 'lo']);
      expect(await connectOnce(`http://${nobodys}:8080`)).toBe(OK);
      const spec = { cidrs: ['10.96.0.0/16'] };
      world.api.objects.seed(SERVICE_CIDRS, { metadata: { name: 'kubernetes' }, spec });
      const isDropped = async () => (await connectOnce(`http://${nobodys}:8080`, 1)) === SILENCE;
      await waitFor(isDropped, { what: 'the range to be known', timeoutMs: 60_000 });
      expect(await connectOnce('http://10.96.0.1:80')).toBe(OK);
      expect(await connectOnce('http://10.96.0.1:81')).toBe(REFUSED);
    });

    it('leaves nothing of nftables mode after --cleanup, and spares other tables', async () => {
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
