import { describe, expect, it } from 'vitest';

import { groupCycles, LIMITS, sizeProblems } from '../../../lint/structure.ts';

describe(sizeProblems, () => {
  const sizes = (files: Readonly<Record<string, number>>) =>
    sizeProblems(new Map(Object.entries(files)));

  it('refuses a file of source above the limit', () => {
    expect(sizes({ 'apps/agent/src/main.ts': LIMITS.fileLines + 1 })).toEqual([
      expect.stringContaining('apps/agent/src/main.ts has 401 lines, more than 400'),
    ]);
  });

  it('refuses a room of the kubelet above the limit', () => {
    const names = Array.from({ length: 11 }, (_, i) => `packages/kubelet/src/pods/plan/${i}.ts`);
    const files = Object.fromEntries(names.map((name) => [name, LIMITS.fileLines]));
    expect(sizes(files)).toEqual([
      expect.stringContaining('the room packages/kubelet/src/pods has 4400 lines'),
    ]);
  });

  it('allows the limits, tests and generated files', () => {
    const names = Array.from({ length: 10 }, (_, i) => `packages/kubelet/src/pods/plan/${i}.ts`);
    const files = Object.fromEntries(names.map((name) => [name, LIMITS.fileLines]));
    const others = {
      'packages/kubelet/tests/unit/pods.test.ts': 900,
      'packages/kubelet/src/pods/adapters/generated/v1.ts': 9000,
      'packages/kube-client/src/model/generated/api-types.ts': 9000,
    };
    expect(sizes({ ...files, ...others })).toEqual([]);
  });
});

describe(groupCycles, () => {
  const ROOMS = 'packages/kubelet/src';

  it('refuses two rooms that enter each other, though no files do', () => {
    expect(
      groupCycles([
        [`${ROOMS}/pods/plan/a.ts`, `${ROOMS}/volumes/index.ts`],
        [`${ROOMS}/volumes/run/b.ts`, `${ROOMS}/pods/index.ts`],
      ]),
    ).toEqual([
      `cycle of rooms: ${ROOMS}/pods → ${ROOMS}/volumes → ${ROOMS}/pods ` +
        `(${ROOMS}/pods/plan/a.ts imports ${ROOMS}/volumes/index.ts; ` +
        `${ROOMS}/volumes/run/b.ts imports ${ROOMS}/pods/index.ts)`,
    ]);
  });

  it('refuses a way through a third room, and names it once', () => {
    const arrows = ['ab', 'bc', 'ca'].map(
      ([from, to]) => [`${ROOMS}/${from}/plan/x.ts`, `${ROOMS}/${to}/index.ts`] as const,
    );
    expect(groupCycles(arrows)).toEqual([
      expect.stringMatching(/^cycle of rooms: .*\/a → .*\/b → .*\/c → .*\/a \(/),
    ]);
  });

  it('refuses packages that import each other', () => {
    expect(
      groupCycles([
        ['packages/a/src/run/x.ts', 'packages/b/src/index.ts'],
        ['packages/b/src/plan/y.ts', 'packages/a/src/index.ts'],
      ]),
    ).toEqual([expect.stringMatching(/^cycle of packages: packages\/a → packages\/b →/)]);
  });

  it('allows one-way arrows, and the floor that joins rooms', () => {
    expect(
      groupCycles([
        [`${ROOMS}/pods/run/a.ts`, `${ROOMS}/volumes/index.ts`],
        [`${ROOMS}/adapters/index.ts`, `${ROOMS}/pods/adapters/b.ts`],
        [`${ROOMS}/pods/plan/c.ts`, 'packages/base/src/index.ts'],
      ]),
    ).toEqual([]);
  });
});
