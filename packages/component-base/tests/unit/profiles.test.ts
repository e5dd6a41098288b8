import { describe, expect, it } from 'vitest';

import { createProfiler } from '../../src/adapters/process.js';
import { profilePage, type Profiler } from '../../src/index.js';

const never = new AbortController().signal;
const asked: number[] = [];
const profiler: Profiler = {
  cpu: async (seconds) => {
    asked.push(seconds);
    return '{"nodes":[]}';
  },
  heap: async function* () {
    yield Buffer.from('{"snapshot":{}}');
  },
};
const get = (path: string) => {
  const url = new URL(path, 'http://node');
  return profilePage({ path: url.pathname, query: url.searchParams }, profiler, never);
};

describe(profilePage, () => {
  it.each(['/debug/pprof', '/debug/pprof/'])('%s lists the profiles', async (path) => {
    const { status, body } = await get(path);
    expect(status).toBe(200);
    expect(body).toMatch(/^heap: .*^profile: /ms);
  });

  it.each([
    ['/debug/pprof/profile', 30],
    ['/debug/pprof/profile?seconds=5', 5],
    ['/debug/pprof/profile?seconds=-1', 30],
    ['/debug/pprof/profile?seconds=1e9', 30],
    ['/debug/pprof/profile?seconds=100000', 600],
  ])('%s takes %i seconds', async (path, seconds) => {
    asked.length = 0;
    const { body, fileName } = await get(path);
    expect([asked, body, fileName]).toEqual([[seconds], '{"nodes":[]}', 'cpu.cpuprofile']);
  });

  it('has no profiles that only Go has', async () => {
    expect(await get('/debug/pprof/goroutine')).toMatchObject({ status: 404 });
  });
});

describe(createProfiler, () => {
  it('measures the functions that take CPU time', async () => {
    const end = new AbortController();
    const profiling = createProfiler().cpu(0.2, end.signal);
    const untilMs = performance.now() + 50;
    while (performance.now() < untilMs) Math.sqrt(untilMs);
    const profile = JSON.parse(await profiling) as { nodes: object[]; samples: number[] };
    expect(profile.nodes.length).toBeGreaterThan(1);
    expect(profile.samples.length).toBeGreaterThan(1);
  });

  it('ends a measurement when its client goes away', async () => {
    const end = new AbortController();
    const profiling = createProfiler().cpu(600, end.signal);
    end.abort(new Error('the client is gone'));
    await expect(profiling).rejects.toThrow();
  });

  it('shows the objects in memory', async () => {
    const pieces: Buffer[] = [];
    for await (const piece of createProfiler().heap()) pieces.push(Buffer.from(piece));
    const snapshot = JSON.parse(Buffer.concat(pieces).toString()) as { snapshot: object };
    expect(snapshot.snapshot).toHaveProperty('node_count');
  });
});
