import { ManualClock } from '@nodeagent/base/testing';
import { expect, it } from 'vitest';

import { watchOomKills } from '../../src/index.js';
import { MemoryCgroups } from '../../src/testing/index.js';

function start() {
  const clock = new ManualClock();
  const cgroups = new MemoryCgroups({ clock });
  const stop = new AbortController();
  const kills: number[] = [];
  const watch = (path: string) =>
    watchOomKills({ events: cgroups.events, clock }, path, (n) => kills.push(n), stop.signal);
  return { clock, cgroups, stop, kills, watch };
}

it('reports kills as they come, also of cgroups below, but none from before', async () => {
  const { clock, cgroups, stop, kills, watch } = start();
  await cgroups.tree.ensure(['web', 'one'], {});
  cgroups.oomKill('/web');
  const watching = watch('/web');
  await clock.advance(1);
  expect(kills).toEqual([]);
  cgroups.oomKill('/web/one');
  await clock.advance(1);
  cgroups.oomKill('/web');
  cgroups.oomKill('/web');
  await clock.advance(1);
  expect(kills).toEqual([1, 2]);
  stop.abort();
  expect(await watching).toBe('aborted');
});

it('looks once in each period where nothing calls back, and ends with the cgroup', async () => {
  const { clock, cgroups, stop, kills } = start();
  let count: number | undefined = 3;
  const events = { ...cgroups.events, oomKills: async () => count };
  const watching = watchOomKills(
    { events, clock, periodMs: 5000 },
    '/web',
    (n) => kills.push(n),
    stop.signal,
  );
  await clock.advance(4999);
  count = 5;
  await clock.advance(0);
  expect(kills).toEqual([]);
  await clock.advance(1);
  expect(kills).toEqual([2]);
  count = undefined;
  await clock.advance(5000);
  expect(await watching).toBe('gone');
});

it('has nothing to watch where there is no cgroup', async () => {
  const { watch } = start();
  expect(await watch('/none')).toBe('gone');
});
