import { describe, expect, it } from 'vitest';

import { drawDiagrams, drawMermaid } from '../../../docs/diagrams.ts';

const FLOW = 'flowchart LR\n  a[kubelet] --> b[(containerd)]\n';

describe(drawMermaid, () => {
  it('draws every node, and asks no other server for anything', () => {
    const svg = drawMermaid(FLOW);
    expect(svg).toContain('kubelet');
    expect(svg).toContain('containerd');
    expect(svg).not.toContain("url('http");
  });

  it('refuses what is no diagram', () => {
    expect(() => drawMermaid('not a diagram')).toThrow('mermaid');
  });
});

describe(drawDiagrams, () => {
  it('gives two drawings of one page different ids, and leaves other code alone', () => {
    const rules = { fence: () => '<pre>' };
    drawDiagrams({ renderer: { rules } });
    const draw = rules.fence as (tokens: readonly object[], at: number) => string;
    const tokens = ['mermaid', 'mermaid', 'ts'].map((info) => ({ info, content: FLOW }));
    const [first = '', second = '', code] = tokens.map((_, at) => draw(tokens, at));
    const ids = [first, second].flatMap((svg) => [...svg.matchAll(/ id="([^"]+)"/g)]);
    expect(new Set(ids.map(([, id]) => id)).size).toBe(ids.length);
    expect(ids.length).toBeGreaterThan(0);
    expect(code).toBe('<pre>');
  });
});
