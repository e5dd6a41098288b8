import { stripVTControlCharacters } from 'node:util';

import { describe, expect, it } from 'vitest';

import { frame, renderView } from '../../../demo/render.ts';
import type { PodView, Snapshot } from '../../../demo/snapshot.ts';

const pod = (name: string, more: Partial<PodView> = {}): PodView => ({
  name,
  phase: 'Running',
  ready: true,
  ip: '10.0.0.2',
  node: 'n1',
  restarts: 0,
  waiting: '',
  ...more,
});

const snapshot: Snapshot = {
  node: { name: 'n1', ready: true, reason: '' },
  pods: [pod('web-a'), pod('web-b', { ready: false, waiting: 'CrashLoopBackOff', restarts: 2 })],
  service: { clusterIP: '10.96.0.7', nodePort: 30080 },
};

const render = (answers: Readonly<Record<string, number>>, seen = snapshot) =>
  renderView(seen, { byPod: new Map(Object.entries(answers)), last: 'web-a' }, '/k').map(
    stripVTControlCharacters,
  );

describe(renderView, () => {
  it('shows each pod with its state, restarts and share of the answers', () => {
    const lines = render({ 'web-a': 3, 'web-b': 1 });
    expect(lines.find((line) => line.includes('web-a '))).toMatch(/● web-a Running .* 0 +3 █{15}$/);
    expect(lines.find((line) => line.includes('web-b '))).toMatch(
      /○ web-b CrashLoopBackOff .* 2 +1 █{5}$/,
    );
  });

  it('draws no bars before the first answer', () => {
    expect(render({}).join('\n')).not.toContain('█');
  });

  it('shows why a node is not ready', () => {
    const node = { name: 'n1', ready: false, reason: 'runtime is down' };
    expect(render({}, { ...snapshot, node })[0]).toContain('NotReady: runtime is down');
  });
});

describe(frame, () => {
  it('clears after each line and below the last, never the whole screen', () => {
    expect(frame(['one', 'two'])).toBe('\x1b[Hone\x1b[K\r\ntwo\x1b[K\r\n\x1b[J');
  });
});
