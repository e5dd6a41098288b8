import { expect, it } from 'vitest';

import { cgroupPath } from '../../src/index.js';

it.each([
  ['cgroupfs', [], '/'],
  ['cgroupfs', ['web', 'one-1'], '/web/one-1'],
  ['systemd', ['web'], '/web.slice'],
  ['systemd', ['web', 'one-1'], '/web.slice/web-one_1.slice'],
] as const)('%s: %j is %s', (driver, names, want) => expect(cgroupPath(names, driver)).toBe(want));
