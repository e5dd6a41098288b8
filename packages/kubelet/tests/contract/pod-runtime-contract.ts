import { ifStarted } from '@nodeagent/testbed';
import { afterAll, beforeAll, describe } from 'vitest';

import { resizeRules, viewRules } from './pod-runtime/resizes-and-views.js';
import { failureRules, runRules } from './pod-runtime/runs-and-failures.js';
import { sandboxRules, stopRules } from './pod-runtime/sandboxes-and-stops.js';
import type { RuntimeScene } from './pod-runtime/scene.js';
import { containerRules, eventRules, refusalRules } from './pod-runtime/starts.js';
import { World } from './pod-runtime/world.js';

/** The rules for every PodRuntime with its RuntimeView: in memory and on containerd. */
export function podRuntimeContract(name: string, open: () => Promise<RuntimeScene>): void {
  describe(`PodRuntime: ${name}`, () => {
    let world: World;
    beforeAll(async () => {
      world = new World(await open());
    });
    afterAll(() => ifStarted(world)?.scene.close());
    describe('a sandbox', () => sandboxRules(() => world));
    describe('a container', () => containerRules(() => world));
    describe('a stop', () => stopRules(() => world));
    describe('a start that is refused', () => refusalRules(() => world));
    describe('a user', () => eventRules(() => world));
    describe('a resize', () => resizeRules(() => world));
    describe('a run', () => runRules(() => world));
    describe('a step that fails', () => failureRules(() => world));
    describe('a view', () => viewRules(() => world));
  });
}
