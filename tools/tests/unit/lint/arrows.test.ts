import { describe, expect, it } from 'vitest';

import { findCycle, judgeImport } from '../../../lint/arrows.ts';
import { openModules, parseModule } from '../../../lint/modules.ts';
import { ROLE_ROWS } from '../../../lint/roles.ts';

/** Two packages: one with two rooms, and a library of a lower layer. */
const FILES: Readonly<Record<string, string>> = {
  'packages/agent/package.json': JSON.stringify({
    exports: { '.': { '@nodeagent/source': './src/index.ts' } },
  }),
  'packages/agent/src/index.ts': `export { decide } from './pods/index.js';`,
  'packages/agent/src/start.ts': 'export const start = 1;',
  'packages/agent/src/bin/command.ts': 'export const command = 1;',
  'packages/agent/src/testing/doubles.ts': 'export const double = 1;',
  'packages/agent/src/pods/index.ts': `
    import { work } from './run/worker.js';
    export { work as labour };
    export { decide, type Plan } from './plan/decide.js';
    export type { Runtime } from './ports.js';`,
  'packages/agent/src/pods/model/pod.ts': 'export interface Pod {}',
  'packages/agent/src/pods/plan/decide.ts': 'export const decide = 1; export interface Plan {}',
  'packages/agent/src/pods/plan/other.ts': 'export const other = 1;',
  'packages/agent/src/pods/render/text.ts': 'export const text = 1;',
  'packages/agent/src/pods/codec/bytes.ts': 'export const bytes = 1;',
  'packages/agent/src/pods/ports.ts': 'export interface Runtime {}',
  'packages/agent/src/pods/run/worker.ts': 'export const work = 1; export interface Work {}',
  'packages/agent/src/pods/run/index.ts': `export { work } from './worker.js';`,
  'packages/agent/src/pods/adapters/files.ts': 'export const files = 1;',
  'packages/agent/src/volumes/plan/mount.ts': 'export const mount = 1;',
  'packages/agent/src/volumes/adapters/mounter.ts': 'export const mounter = 1;',
  'packages/agent/src/volumes/index.ts': `export { mount } from './plan/mount.js';`,
  'packages/library/package.json': JSON.stringify({
    exports: {
      '.': { '@nodeagent/source': './src/index.ts' },
      './system': { '@nodeagent/source': './src/adapters/system.ts' },
    },
  }),
  'packages/library/src/index.ts': `
    export { add } from './plan/add.js';
    export { loop } from './run/loop.js';`,
  'packages/library/src/plan/add.ts': 'export const add = 1;',
  'packages/library/src/run/loop.ts': 'export const loop = 1;',
  'packages/library/src/adapters/system.ts': 'export const clock = 1;',
};

const PACKAGES = new Map([
  ['@nodeagent/agent', 'packages/agent'],
  ['@nodeagent/library', 'packages/library'],
]);

/** Returns the problems of the imports of one file of `packages/agent/src`. */
function judge(file: string, text: string): readonly string[] {
  const path = `packages/agent/src/${file}`;
  const sources = { read: (name: string) => (name === path ? text : FILES[name]) };
  const modules = openModules(sources, PACKAGES);
  return parseModule(text).imports.flatMap((given) => judgeImport(path, given, modules, []) ?? []);
}

const VALUE_OF = {
  run: `import { work } from './run/worker.js';`,
  adapters: `import { files } from './adapters/files.js';`,
  testing: `import { double } from '../testing/doubles.js';`,
};

/** At least one arrow of each row that lint must refuse, and one that it must allow. */
const ROWS: readonly {
  readonly title: string;
  readonly file: string;
  readonly refused: readonly string[];
  readonly allowed: readonly string[];
}[] = [
  ...(['model', 'plan', 'render', 'codec'] as const).map((role) => ({
    title: '`model/` `plan/` `render/` `codec/`',
    file: `pods/${role}/x.ts`,
    refused: [
      `import { work } from '../run/worker.js';`,
      `import type { Work } from '../run/worker.js';`,
      `type W = import('../run/worker.js').Work;`,
      `export { work } from '../run/worker.js';`,
      `import { labour } from '../index.js';`,
      `import { files } from '../adapters/files.js';`,
      `import '../adapters/files.js';`,
      `const later = import('../plan/other.js');`,
      `const later = require('../adapters/files.js');`,
      `import files = require('../adapters/files.js');`,
      `import { double } from '../../testing/doubles.js';`,
      `import { mount } from '../../volumes/plan/mount.js';`,
      `import { loop } from '@nodeagent/library';`,
      `import * as library from '@nodeagent/library';`,
      `import { clock } from '@nodeagent/library/system';`,
      `import { add } from '@nodeagent/library/src/plan/add.js';`,
      `import { add } from '../../../../library/src/plan/add.js';`,
      `import { decide } from '@nodeagent/agent';`,
      `import { nothing } from './not-there.js';`,
      `import { readFile } from 'node:fs/promises';`,
      `import { readFile } from 'fs/promises';`,
      `import { setTimeout } from 'node:timers';`,
      `import { setTimeout } from 'node:timers/promises';`,
      `import { performance } from 'node:perf_hooks';`,
      `import process from 'node:process';`,
      `import { randomUUID } from 'node:crypto';`,
      `import { randomBytes as createHash } from 'node:crypto';`,
      `import crypto from 'node:crypto';`,
      `import * as crypto from 'node:crypto';`,
      `import { connect } from 'node:net';`,
      `import { resolve } from 'node:path/posix';`,
      `import pino from 'pino';`,
    ],
    allowed: [
      `import type { Pod } from '../model/pod.js';`,
      `import { other } from '../plan/other.js';`,
      `import type { Runtime } from '../ports.js';`,
      `import { decide, type Plan } from '../index.js';`,
      `import { mount } from '../../volumes/index.js';`,
      `import { add } from '@nodeagent/library';`,
      `import { createHash } from 'node:crypto';`,
      `import { isIP } from 'net';`,
      `import type { BinaryLike } from 'node:crypto';`,
      `import { z } from 'zod/mini';`,
    ],
  })),
  {
    title: '`ports.ts`',
    file: 'pods/ports.ts',
    refused: [
      `import { decide } from './plan/decide.js';`,
      `import type { Work } from './run/worker.js';`,
      `export { decide } from './plan/decide.js';`,
      `import type { Socket } from 'node:net';`,
    ],
    allowed: [`import type { Plan } from './plan/decide.js';`],
  },
  {
    title: '`run/`',
    file: 'pods/run/x.ts',
    refused: [
      `import { files } from '../adapters/files.js';`,
      `import type { Files } from '../adapters/files.js';`,
      `const later = import('../adapters/files.js');`,
      `import { double } from '../../testing/doubles.js';`,
      `import { clock } from '@nodeagent/library/system';`,
      `import { setTimeout } from 'node:timers/promises';`,
      `import { start } from '../../start.js';`,
    ],
    allowed: [
      `import { decide } from '../plan/decide.js';`,
      `import { loop } from '@nodeagent/library';`,
      `const later = import('./worker.js');`,
    ],
  },
  {
    title: '`adapters/`',
    file: 'pods/adapters/x.ts',
    refused: [
      `import { work } from '../run/worker.js';`,
      `import type { Work } from '../run/worker.js';`,
      `import { loop } from '@nodeagent/library';`,
      `import { double } from '../../testing/doubles.js';`,
      `import { mounter } from '../../volumes/adapters/mounter.js';`,
    ],
    allowed: [
      `import { readFile } from 'node:fs/promises';`,
      `import { decide } from '../plan/decide.js';`,
      `import { clock } from '@nodeagent/library/system';`,
    ],
  },
  {
    title: '`testing/`',
    file: 'testing/x.ts',
    refused: [
      `import { files } from '../pods/adapters/files.js';`,
      `import { clock } from '@nodeagent/library/system';`,
      `import { vi } from 'vitest';`,
    ],
    allowed: [`import { decide, labour } from '../pods/index.js';`],
  },
  {
    title: '`index.ts`',
    file: 'pods/index.ts',
    refused: [
      VALUE_OF.adapters.replace('import', 'export'),
      VALUE_OF.testing.replace('import', 'export'),
      VALUE_OF.run.replace('import', 'export'),
      `export * from './adapters/files.js';`,
      `import 'node:fs';`,
    ],
    allowed: [`export { decide } from './plan/decide.js';`, `export type { R } from './ports.js';`],
  },
  {
    title: '`index.ts`',
    file: 'index.ts',
    refused: [`export { files } from './pods/adapters/files.js';`],
    allowed: [`export { labour } from './pods/index.js';`],
  },
  {
    title: '`run/`',
    file: 'pods/run/index.ts',
    refused: [
      `export { decide } from '../plan/decide.js';`,
      `export type { Plan } from '../plan/decide.js';`,
      `export { decide } from '../index.js';`,
    ],
    allowed: [VALUE_OF.run.replace('./run/', './').replace('import', 'export')],
  },
  {
    title: '`bin/`',
    file: 'bin/x.ts',
    refused: [`import { double } from '../testing/doubles.js';`],
    allowed: [
      `import { start } from '../start.js';`,
      `import { readFile } from 'node:fs/promises';`,
    ],
  },
  {
    title: '`src/*.ts`',
    file: 'door.ts',
    refused: [
      `import { double } from './testing/doubles.js';`,
      `import { command } from './bin/command.js';`,
    ],
    allowed: [`import { clock } from '@nodeagent/library/system';`],
  },
];

describe('the table of roles', () => {
  it('has refused arrows here for each row', () => {
    expect([...new Set(ROWS.map(({ title }) => title))]).toEqual(
      ROLE_ROWS.map(({ title }) => title),
    );
  });

  const of = (key: 'refused' | 'allowed') =>
    ROWS.flatMap(({ file, [key]: texts }) => texts.map((text) => [file, text] as const));

  it.each(of('refused'))('%s is refused: %s', (file, text) => {
    expect(judge(file, text)).toHaveLength(1);
  });

  it.each(of('allowed'))('%s is allowed: %s', (file, text) => {
    expect(judge(file, text)).toEqual([]);
  });

  it('reports where each name comes from', () => {
    expect(judge('pods/plan/x.ts', `import { decide, labour } from '../index.js';`)).toEqual([
      "`model/` `plan/` `render/` `codec/` may not import 'labour' from `run/` (packages/agent/src/pods/run/worker.ts)",
    ]);
  });

  it('allows an exception, and no other arrow', () => {
    const path = 'packages/agent/src/pods/adapters/x.ts';
    const modules = openModules({ read: (name) => FILES[name] }, PACKAGES);
    const exception = { from: path, to: 'packages/agent/src/pods/run/worker.ts', why: 'a test' };
    const [given] = parseModule(`import { work } from '../run/worker.js';`).imports;
    expect(judgeImport(path, given!, modules, [exception])).toBeUndefined();
    expect(judgeImport(path.replace('x.ts', 'y.ts'), given!, modules, [exception])).toBeDefined();
  });
});

describe('findCycle', () => {
  const cyclic: Readonly<Record<string, string>> = {
    'packages/a/src/run/one.ts': `import type { Two } from './two.js';`,
    'packages/a/src/run/two.ts': `const three = import('./three.js');`,
    'packages/a/src/run/three.ts': `export type { One } from './one.js';`,
    'packages/a/src/run/four.ts': `import './one.js';`,
  };
  const modules = openModules({ read: (name) => cyclic[name] }, new Map());
  const [one, two, three, four] = Object.keys(cyclic) as [string, string, string, string];

  it('follows types, import() and re-exports', () => {
    expect(findCycle(one, two, modules, [])).toEqual([one, two, three, one]);
  });

  it('finds none for a file that only leads into one', () => {
    expect(findCycle(four, one, modules, [])).toBeUndefined();
  });

  it('does not follow an excepted arrow', () => {
    expect(findCycle(one, two, modules, [{ from: three, to: one, why: 'a test' }])).toBeUndefined();
  });
});
