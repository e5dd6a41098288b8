import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';

import { findKubectls, runCommand, waitFor } from '@nodeagent/testbed';
import { describe, expect, it } from 'vitest';

import { useCluster } from './fixture.ts';

const MAX_FILES = 4;
const MAX_BYTES = 64 * 1024;
const e2e = useCluster({
  containerLogMaxSize: String(MAX_BYTES),
  containerLogMaxFiles: MAX_FILES,
  containerLogMonitorInterval: '3s',
});

/** Writes far more than a file may hold, one round per request. */
const LINES = 1000;
const SCRIPT = `
n=0
while :; do
  until [ -e /tmp/go-$n ]; do sleep 0.1; done
  i=0
  while [ $i -lt ${LINES} ]; do
    echo "round $n line $i ........................................................"
    i=$((i+1))
  done
  n=$((n+1))
done`;

describe('a log that grows too large', () => {
  it('is rotated, and the remaining files read as one log', async () => {
    const kubectl = (await findKubectls()).at(-1)!.path;
    const run = (...args: string[]) =>
      runCommand([kubectl, '--kubeconfig', e2e.cluster.kubeconfig, '-n', e2e.namespace, ...args]);
    const container = { image: 'nodeagent.test/busybox:1', command: ['sh', '-c', SCRIPT] };
    await e2e.createPod({ name: 'loud', container });
    const { metadata } = await e2e.waitForPod('loud', 'to run', ({ status }) => {
      return status?.phase === 'Running';
    });
    const pods = join(e2e.cluster.space.dir, 'logs/pods');
    const folder = join(pods, `${e2e.namespace}_loud_${metadata?.uid}`, 'main');
    const rotated = async () => {
      return (await readdir(folder))
        .filter((name) => /^0\.log\.\d{8}-\d{6}(\.gz)?$/.test(name))
        .sort();
    };
    let newest = '';
    const rounds = MAX_FILES + 1;
    for (let round = 0; round < rounds; round += 1) {
      await run('exec', 'loud', '--', 'touch', `/tmp/go-${round}`);
      newest = await waitFor(
        async () => {
          const last = (await rotated()).at(-1) ?? '';
          return last > newest && !last.endsWith('.gz') ? last : undefined;
        },
        { what: `rotation ${round}` },
      );
      await waitFor(
        async () => (await run('logs', 'loud')).includes(`round ${round} line ${LINES - 1} `),
        {
          what: 'the end of the round',
        },
      );
    }
    const isAtRest = async () => (await stat(join(folder, '0.log'))).size < MAX_BYTES;
    await waitFor(isAtRest, { what: 'the newest file to be short enough to stay' });
    const files = await rotated();
    expect(files.length).toBeLessThanOrEqual(MAX_FILES - 1);
    expect(files.slice(0, -1).every((name) => name.endsWith('.gz'))).toBe(true);
    const lines = (await run('logs', 'loud')).trim().split('\n');
    const numbers = lines.map((line) => {
      const [, round, at] = /^round (\d+) line (\d+) \.+$/.exec(line) ?? [];
      return Number(round) * LINES + Number(at);
    });
    const first = numbers[0] ?? Number.NaN;
    expect(numbers).toEqual(numbers.map((_, i) => first + i));
    expect(numbers.at(-1)).toBe(rounds * LINES - 1);
    expect(lines.length).toBeGreaterThan(LINES);
    const tail = (await run('logs', 'loud', `--tail=${LINES + 500}`)).trim().split('\n');
    expect(tail).toEqual(lines.slice(-LINES - 500));
  });
});
