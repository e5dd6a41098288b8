import { describe, expect, it } from 'vitest';

import type { PodStanding } from '../../../src/pod/index.js';
import {
  type ContainerGcPolicy,
  DEFAULT_CONTAINER_GC,
  type SeenContainer,
  type SeenSandbox,
} from '../../../src/reclaim/model/container-gc.js';
import {
  containerOfLink,
  containersToRemove,
  sandboxesToRemove,
} from '../../../src/reclaim/plan/container-gc.js';

const NOW_MS = 1_000_000;

/** `ended/app@3`: a run of `app` of the pod `ended`, created in second 3. */
function seen(text: string, state: SeenContainer['state'] = 'exited'): SeenContainer {
  const [podUid = '', name = '', at = ''] = text.split(/[/@]/);
  return { id: text, podUid, name, state, createdAtMs: Number(at) * 1000 };
}

/** The name of a pod says its standing. */
const standing = (podUid: string): PodStanding =>
  podUid.startsWith('gone') ? 'gone' : podUid.startsWith('ended') ? 'ended' : 'active';

function removed(
  containers: readonly (SeenContainer | string)[],
  policy: Partial<ContainerGcPolicy> = {},
  underPressure = false,
): readonly string[] {
  const all = containers.map((one) => (typeof one === 'string' ? seen(one) : one));
  const rules = { standing, underPressure, nowMs: NOW_MS };
  return containersToRemove(all, { ...DEFAULT_CONTAINER_GC, ...policy }, rules).map(({ id }) => id);
}

describe(containersToRemove, () => {
  it('keeps the newest ended runs of each container, and removes the oldest first', () => {
    const runs = ['ended/app@3', 'ended/app@1', 'ended/app@2', 'ended/side@1', 'other/app@1'];
    expect(removed(runs)).toEqual(['ended/app@1', 'ended/app@2']);
    expect(removed(runs, { perContainer: 2 })).toEqual(['ended/app@1']);
    expect(removed(runs, { perContainer: -1 })).toEqual([]);
  });

  it('keeps none with a limit of 0, except the last run of a container of an active pod', () => {
    const runs = ['ended/app@1', 'ended/side@1', 'active/app@2', 'active/app@1'];
    expect(removed(runs, { perContainer: 0 })).toEqual([
      ...['ended/app@1', 'ended/side@1', 'active/app@1'],
    ]);
    const again = seen('active/app@9', 'running');
    expect(removed(['active/app@2', again], { perContainer: 0 })).toEqual(['active/app@2']);
  });

  it('removes nothing that runs or is too young', () => {
    const running = seen('gone/app@1', 'running');
    expect(removed([running, seen('gone/app@1'), 'gone/app@995'], { minAgeMs: 10_000 })).toEqual([
      'gone/app@1',
    ]);
    expect(removed(['gone/app@990'], { minAgeMs: 10_000 })).toEqual(['gone/app@990']);
  });

  it('removes what was never started, and what the runtime lost track of', () => {
    const lost = seen('ended/app@2', 'unknown');
    expect(removed(['ended/app@3', lost, seen('ended/app@1', 'created')])).toEqual([
      ...['ended/app@1', 'ended/app@2'],
    ]);
  });

  it('leaves a container that is being started to its pod, with the run before it', () => {
    expect(removed([seen('active/app@2', 'created'), 'active/app@1'])).toEqual([]);
  });

  it('removes everything of pods that are gone, whatever the limits', () => {
    const runs = ['gone/app@2', 'gone/app@1'];
    expect(removed(runs, { perContainer: -1 })).toEqual(['gone/app@1', 'gone/app@2']);
  });

  it('removes everything of ended pods under pressure only', () => {
    const runs = ['ended/app@1', 'active/app@1'];
    expect(removed(runs)).toEqual([]);
    expect(removed(runs, {}, true)).toEqual(['ended/app@1']);
  });

  it('shares the limit of the node among containers, then removes the oldest', () => {
    const runs = ['ended/a@6', 'ended/a@5', 'ended/a@1', 'ended/b@4', 'ended/c@3'];
    const many = { perContainer: -1 };
    expect(removed(runs, { ...many, total: 5 })).toEqual([]);
    expect(removed(runs, { ...many, total: 3 })).toEqual(['ended/a@1', 'ended/a@5']);
    expect(removed(runs, { ...many, total: 2 })).toEqual(['ended/a@1', 'ended/a@5', 'ended/c@3']);
    expect(removed(runs, { ...many, total: 0 })).toEqual([
      ...['ended/a@1', 'ended/a@5', 'ended/c@3', 'ended/b@4', 'ended/a@6'],
    ]);
  });

  it('counts the last runs of active pods against the limit of the node, but keeps them', () => {
    const runs = ['active/a@1', 'active/b@2', 'ended/c@3', 'ended/d@4'];
    expect(removed(runs, { total: 3 })).toEqual(['ended/c@3']);
    expect(removed(runs, { total: 1 })).toEqual(['ended/c@3', 'ended/d@4']);
  });
});

describe(sandboxesToRemove, () => {
  const box = (podUid: string, at: number, isInUse = false): SeenSandbox => {
    return { id: `${podUid}@${at}`, podUid, createdAtMs: at, isInUse };
  };
  const removedOf = (all: readonly SeenSandbox[], underPressure = false): readonly string[] =>
    sandboxesToRemove(all, { standing, underPressure }).map(({ id }) => id);

  it('keeps the newest of each pod, and those in use', () => {
    const all = [box('active', 3), box('active', 1), box('active', 2), box('active', 0, true)];
    expect(removedOf(all)).toEqual(['active@1', 'active@2']);
    expect(removedOf([box('active', 2, true), box('active', 1)])).toEqual(['active@1']);
  });

  it('keeps none of a pod that is gone, and under pressure none of one that has ended', () => {
    const all = [box('gone', 1), box('gone', 0, true), box('ended', 1), box('active', 1)];
    expect(removedOf(all)).toEqual(['gone@1']);
    expect(removedOf(all, true)).toEqual(['gone@1', 'ended@1']);
  });
});

it('reads the container of a link to its log', () => {
  expect(containerOfLink('web-0_default_app-9f3c.log')).toBe('9f3c');
  const others = ['app.log', 'web_default_app-.log', 'web_default_app-9f3c', ''];
  expect(others.map((name) => containerOfLink(name))).toEqual(others.map(() => undefined));
});
