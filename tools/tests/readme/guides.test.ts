import { join } from 'node:path';

import { describe, expect, it } from 'vitest';

import { promisedOutput, runPageExample } from '../../../vitest.readme.js';

const ROOT = join(import.meta.dirname, '../../..');
const packageDir = join(ROOT, 'tools');
const guide = (name: string): string => join(ROOT, 'docs/guides', `${name}.md`);

/** Each compiles the sources of several packages. Guides that program a kernel are tested in other tiers. */
const TIMEOUT_MS = 240_000;

describe('the program of a guide prints what the guide says', () => {
  it.each([
    ['watch-a-container-log', 0],
    ['test-an-operator', 0],
    ['test-an-operator', 1],
    ['write-a-node-agent', 0],
  ])(
    '%s, program %d',
    async (name, index) => {
      expect(await runPageExample(guide(name), { packageDir, index })).toBe(
        await promisedOutput(guide(name), index),
      );
    },
    TIMEOUT_MS,
  );

  it(
    'probe-a-fleet, whose first two lines may change places',
    async () => {
      const printed = (await runPageExample(guide('probe-a-fleet'), { packageDir })).split('\n');
      const [web, store, ...rest] = (await promisedOutput(guide('probe-a-fleet'))).split('\n');
      expect(printed.slice(0, 2).sort()).toEqual([store, web]);
      expect(printed.slice(2)).toEqual(rest);
    },
    TIMEOUT_MS,
  );
});
