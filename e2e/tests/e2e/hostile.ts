import { readdir, readFile } from 'node:fs/promises';
import type { Socket } from 'node:net';

import { findKubectls, runCommand, waitFor } from '@nodeagent/testbed';
import { expect } from 'vitest';

import type { Fixture } from './fixture.ts';

/**
 * Tolerance between rounds, because V8's heap varies. A leak of 10 KiB per connection would be
 * twice as much.
 */
const BREATH_MIB = 64;

interface Held {
  readonly rss: number;
  readonly files: number;
}

/** The kubelet's present resources. */
export async function heldBy({ cluster }: Fixture): Promise<Held> {
  const { pid } = cluster.kubelet;
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return {
    rss: Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) / 1024,
    files: (await readdir(`/proc/${pid}/fd`)).length,
  };
}

/** Waits until the connections are closed and the memory has been given back. */
export async function settled(e2e: Fixture): Promise<Held> {
  let before = { rss: Infinity, files: Infinity };
  return waitFor(
    async () => {
      const now = await heldBy(e2e);
      const isCalm = Math.abs(now.rss - before.rss) < 4 && now.files === before.files;
      before = now;
      return isCalm && now.files < 100 ? now : undefined;
    },
    { what: 'the kubelet to settle', everyMs: 1000, timeoutMs: 240_000 },
  );
}

/** Repeats all attacks: a second round must leave no more behind than the first. */
export async function expectNothingLeft(
  e2e: Fixture,
  attacks: readonly (() => Promise<string>)[],
  figures: string[],
): Promise<void> {
  const { pid } = e2e.cluster.kubelet;
  const first = await settled(e2e);
  for (const attack of attacks) await attack();
  const second = await settled(e2e);
  const [before, after] = [first, second].map(
    ({ rss, files }) => `${rss.toFixed(0)} MiB and ${files} files`,
  );
  figures.push(`after the first round ${before}, after the second ${after}`);
  expect(e2e.cluster.kubelet.pid).toBe(pid);
  expect(second.rss).toBeLessThan(first.rss + BREATH_MIB);
  expect(second.files).toBeLessThan(first.files + 20);
}

/** Returns the kubelet's answer to an authorized client, through the API server. */
export async function answers({ cluster }: Fixture): Promise<string> {
  const kubectl = (await findKubectls()).at(-1)!.path;
  const path = `/api/v1/nodes/${cluster.nodeName}/proxy/healthz`;
  return runCommand([kubectl, '--kubeconfig', cluster.kubeconfig, 'get', '--raw', path]);
}

/**
 * Resolves on this event or on the end of the socket: a hostile client does not mind being
 * disconnected.
 */
export function happened(socket: Socket, event: string): Promise<void> {
  return new Promise((resolve) => {
    if (socket.destroyed) return resolve();
    const done = (): void => {
      socket.off(event, done);
      socket.off('close', done);
      resolve();
    };
    socket.on(event, done);
    socket.on('close', done);
  });
}

/** Runs the work many times, a few at a time. @returns how often each outcome occurred */
export async function repeat(
  times: number,
  one: (i: number) => Promise<string>,
  atATime = 50,
): Promise<string> {
  const counts = new Map<string, number>();
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < times) {
      const outcome = await one((next += 1));
      counts.set(outcome, (counts.get(outcome) ?? 0) + 1);
    }
  };
  await Promise.all(Array.from({ length: atATime }, worker));
  return [...counts].map(([outcome, count]) => `${count} × ${outcome}`).join(', ');
}
