import { describe, expect, it } from 'vitest';

import { compare, type ReferenceMetric } from '../../../metrics/compare.ts';
import { metricsOf, type RegisteredMetric } from '../../../metrics/sources.ts';

const found = (text: string, choices = {}) => metricsOf(text, import.meta.url, choices);

describe(metricsOf, () => {
  it('evaluates constants, those of enclosing blocks too', async () => {
    const text = `const PREFIX = 'a';
      function make(metrics) {
        const labelNames = ['x', 'y'];
        return metrics.histogram({
          name: \`\${PREFIX}_seconds\`, help: 'H.', labelNames, buckets: [1, 2].map((one) => 2 ** one),
        });
      }`;
    expect(await found(text)).toEqual([
      { name: 'a_seconds', type: 'histogram', help: 'H.', labels: ['x', 'y'], buckets: [2, 4] },
    ]);
  });

  it('counts a helper once for each of its calls', async () => {
    const text = `const counter = (name: string, help: string, labelNames: readonly string[] = []) =>
        metrics.counter({ name: \`p_\${name}\`, help, labelNames });
      counter('a', 'A.');
      counter('b', 'B.', ['l']);`;
    const metrics = await found(text);
    expect(metrics.map(({ name, labels }) => [name, labels])).toEqual([
      ['p_a', []],
      ['p_b', ['l']],
    ]);
  });

  it('takes values that the file does not say from the choices', async () => {
    const text = `const f = ({ purpose }) => metrics.gauge({ name: \`\${purpose}_ttl\`, help: '' });`;
    const metrics = await found(text, { purpose: ['client', 'server'] });
    expect(metrics.map(({ name }) => name)).toEqual(['client_ttl', 'server_ttl']);
  });

  it('fails on a name that it cannot evaluate', async () => {
    await expect(found('metrics.gauge({ name: unknown, help: "" });')).rejects.toThrow('unknown');
  });
});

const ours = (name: string, more: Partial<RegisteredMetric> = {}): RegisteredMetric => ({
  ...{ name, type: 'histogram', help: 'H.', labels: ['b', 'a'], buckets: [1, 2] },
  ...more,
});
const theirs = (name: string): ReferenceMetric => ({
  ...{ name, type: 'histogram', stability: 'ALPHA', labels: ['a', 'b'], buckets: [1, 2] },
  ...{ agents: ['kubelet'], page: '/metrics' },
});
const compared = (metrics: readonly RegisteredMetric[], absent = {}, written = '') =>
  compare(
    {
      name: 'kubelet',
      registered: new Map(metrics.map((metric) => [metric.name, metric])),
      isWritten: (name) => name === written,
    },
    [theirs('m')],
    absent,
  );

describe(compare, () => {
  it('accepts the same metric, and lists its own after it', () => {
    const { rows, problems } = compared([ours('m'), ours('own')]);
    expect(problems).toEqual([]);
    expect(rows.map(({ name, state }) => [name, state])).toEqual([
      ['m', 'as in Kubernetes'],
      ['own', 'H.'],
    ]);
  });

  it.each([
    [{ type: 'gauge' } as const, 'm is a gauge, not a histogram'],
    [{ labels: ['a'] }, "m has the labels a; Kubernetes' has a, b"],
    [{ buckets: [1, 3] }, "m has the buckets 1 3; Kubernetes' has 1 2"],
    [{ buckets: [1] }, 'm has the buckets 1;'],
  ])('reports a difference: %j', (more, want) => {
    expect(compared([ours('m', more)]).problems).toEqual([expect.stringContaining(want)]);
  });

  it('reports a missing metric without a reason', () => {
    expect(compared([]).problems).toEqual([expect.stringContaining('kubelet lacks m')]);
  });

  it.each(['m', 'm*', '*m'])('accepts a reason for %s', (pattern) => {
    const { rows, problems, used } = compared([], { [pattern]: 'why' });
    expect(problems).toEqual([]);
    expect(rows[0]?.state).toBe('absent: why');
    expect([...used]).toEqual([pattern]);
  });

  it('accepts a metric that a page is written with', () => {
    expect(compared([], {}, 'm').rows[0]?.state).toBe('on /metrics');
  });
});
