import { describe, expect, it } from 'vitest';

import { CrashWorld, type Fuse } from '../../support/crash-world.js';

const MODES = ['Filesystem', 'Block'] as const;
const EFFECTS = ['before', 'after'] as const;
type Mode = (typeof MODES)[number];

async function aWorld(mode: Mode): Promise<CrashWorld> {
  const world = new CrashWorld(mode);
  await world.open();
  return world;
}

/** Every step of the work, with a kubelet killed just before its effect and just after. */
async function* fuses(
  mode: Mode,
  countSteps: (world: CrashWorld) => Promise<number>,
): AsyncGenerator<Fuse> {
  const steps = await countSteps(await aWorld(mode));
  for (let step = 1; step <= steps; step += 1) {
    for (const effect of EFFECTS) yield { step, effect };
  }
}

async function stepsToMount(world: CrashWorld, mode: Mode): Promise<number> {
  const kubelet = world.boot();
  await kubelet.mount('u1', mode);
  kubelet.stop();
  return world.steps;
}

async function stepsToUnmount(world: CrashWorld, mode: Mode): Promise<number> {
  const first = world.boot();
  await first.mount('u1', mode);
  first.stop();
  const second = world.boot();
  await second.unmount('u1');
  second.stop();
  return world.steps;
}

const orKilled = (work: Promise<unknown>): Promise<unknown> => work.catch(() => 'killed');

/** As housekeeping does: what the disk has of pods that nobody wants. */
async function takeDown(world: CrashWorld): Promise<void> {
  const kubelet = world.boot();
  for (const uid of ['u1', 'u2']) if (world.hasPodDir(uid)) await kubelet.unmount(uid);
  await kubelet.sweep();
  kubelet.stop();
}

describe.each(MODES)('a kubelet that is killed (volumes of mode %s)', (mode) => {
  it('between any two steps of a mount goes on with it when it is back', async () => {
    let count = 0;
    for await (const fuse of fuses(mode, (world) => stepsToMount(world, mode))) {
      const world = await aWorld(mode);
      const killed = world.boot(fuse);
      await orKilled(killed.mount('u1', mode));
      expect(killed.placeOf('u1'), `no path after step ${fuse.step}`).toBeUndefined();
      killed.stop();
      const next = world.boot();
      expect(await next.mount('u1', mode)).toBeDefined();
      await next.unmount('u1');
      next.stop();
      expect(world.leftovers(), `killed ${fuse.effect} step ${fuse.step}`).toEqual([]);
      expect(world.wrongs).toEqual([]);
      count += 1;
    }
    expect(count).toBeGreaterThan(6);
  });

  it('between any two steps of a mount leaves nothing when its pod is gone', async () => {
    for await (const fuse of fuses(mode, (world) => stepsToMount(world, mode))) {
      const world = await aWorld(mode);
      const killed = world.boot(fuse);
      await orKilled(killed.mount('u1', mode));
      killed.stop();
      await takeDown(world);
      expect(world.leftovers(), `killed ${fuse.effect} step ${fuse.step}`).toEqual([]);
      expect(world.wrongs).toEqual([]);
    }
  });

  it('between any two steps of an unmount ends it when it is back', async () => {
    for await (const fuse of fuses(mode, (world) => stepsToUnmount(world, mode))) {
      const world = await aWorld(mode);
      const first = world.boot();
      await first.mount('u1', mode);
      first.stop();
      const killed = world.boot(fuse);
      await orKilled(killed.unmount('u1'));
      killed.stop();
      await takeDown(world);
      expect(world.leftovers(), `killed ${fuse.effect} step ${fuse.step}`).toEqual([]);
      expect(world.wrongs).toEqual([]);
    }
  });

  it('between any two steps of an unmount leaves the volume to another pod', async () => {
    for await (const fuse of fuses(mode, (world) => stepsToUnmount(world, mode))) {
      const world = await aWorld(mode);
      const first = world.boot();
      await first.mount('u1', mode);
      const path = await first.mount('u2', mode);
      first.stop();
      const published = [...world.published].filter((one) => one.includes('u2'));
      const killed = world.boot(fuse);
      await orKilled(killed.unmount('u1'));
      killed.stop();
      const next = world.boot();
      await next.sweep();
      next.stop();
      expect([...world.published]).toEqual(expect.arrayContaining(published));
      expect(world.staged.size).toBe(1);
      expect(path).toBeDefined();
      await takeDown(world);
      expect(world.leftovers(), `killed ${fuse.effect} step ${fuse.step}`).toEqual([]);
      expect(world.wrongs).toEqual([]);
    }
  });
});

const CODES = ['CSI_UNAVAILABLE', 'CSI_DEADLINE', 'CSI_INTERNAL', 'CSI_NOT_FOUND'] as const;

describe.each(MODES)('a driver that fails (volumes of mode %s)', (mode) => {
  it.each(CODES.flatMap((code) => ['stage', 'publish'].map((call) => ({ call, code }))))(
    'at $call with $code gives the pod no volume until it works',
    async ({ call, code }) => {
      const world = await aWorld(mode);
      world.failNext(call, code);
      const kubelet = world.boot();
      await expect(kubelet.mount('u1', mode)).rejects.toThrow('fails');
      expect(kubelet.placeOf('u1')).toBeUndefined();
      expect(await kubelet.mount('u1', mode)).toBeDefined();
      await kubelet.unmount('u1');
      kubelet.stop();
      expect(world.leftovers()).toEqual([]);
      expect(world.wrongs).toEqual([]);
    },
  );

  it.each(CODES)('at unpublish with %s is asked again until it works', async (code) => {
    const world = await aWorld(mode);
    const kubelet = world.boot();
    await kubelet.mount('u1', mode);
    world.failNext('unpublish', code, code);
    await expect(kubelet.unmount('u1')).rejects.toThrow('fails');
    await orKilled(kubelet.unmount('u1'));
    await orKilled(kubelet.unmount('u1'));
    kubelet.stop();
    expect(world.leftovers()).toEqual([]);
    expect(world.wrongs).toEqual([]);
  });

  it.each(CODES)(
    'at unstage with %s is asked again after 0.5, 1, 2 s, without the pod',
    async (code) => {
      const world = await aWorld(mode);
      const kubelet = world.boot();
      await kubelet.mount('u1', mode);
      world.failNext('unstage', code, code, code);
      await kubelet.unmount('u1');
      await kubelet.unmount('u1'); // nothing of the pod is left; 1 s passes
      const unstaged = (): number => world.calls.filter((call) => call === 'unstage').length;
      expect(unstaged()).toBe(2);
      expect(world.staged.size).toBe(1);
      await kubelet.wait(500);
      expect(unstaged()).toBe(3);
      await kubelet.wait(1999);
      expect(unstaged()).toBe(3);
      await kubelet.wait(1);
      expect(unstaged()).toBe(4);
      kubelet.stop();
      expect(world.leftovers()).toEqual([]);
      expect(world.wrongs).toEqual([]);
    },
  );

  it('at unstage is not asked again while another pod has the volume', async () => {
    const world = await aWorld(mode);
    const kubelet = world.boot();
    await kubelet.mount('u1', mode);
    world.failNext('unstage', 'CSI_INTERNAL');
    await kubelet.unmount('u1');
    await kubelet.mountNow('u2', mode);
    await kubelet.wait(200_000);
    const staging = world.calls.filter((call) => call.endsWith('stage'));
    expect(staging).toEqual(['stage', 'unstage', 'stage']);
    expect(world.wrongs).toEqual([]);
    await kubelet.unmount('u2');
    kubelet.stop();
    expect(world.leftovers()).toEqual([]);
  });

  it('at stage is asked once for all pods of its volume, until its wait is over', async () => {
    const world = await aWorld(mode);
    const kubelet = world.boot();
    world.failNext('stage', 'CSI_INTERNAL', 'CSI_INTERNAL');
    const staged = (): number => world.calls.filter((call) => call === 'stage').length;
    await expect(kubelet.mount('u1', mode)).rejects.toThrow('stage fails');
    await expect(kubelet.mountNow('u2', mode)).rejects.toMatchObject({
      code: 'VOLUME_PENDING',
      message: expect.stringContaining('stage fails') as string,
    });
    expect(staged()).toBe(1);
    await kubelet.wait(500);
    await expect(kubelet.mountNow('u2', mode)).rejects.toThrow('stage fails');
    await kubelet.wait(500);
    await expect(kubelet.mountNow('u1', mode)).rejects.toMatchObject({ code: 'VOLUME_PENDING' });
    expect(staged()).toBe(2);
    await kubelet.wait(500);
    expect(await kubelet.mountNow('u1', mode)).toBeDefined();
    expect(await kubelet.mountNow('u2', mode)).toBeDefined();
    kubelet.stop();
  });
});
