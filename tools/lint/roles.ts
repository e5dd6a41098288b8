/**
 * Which role of a source file may import which. This file is the one place that says so: the lint
 * rules `house/arrows` and `house/no-ambient` read it, and the table "Folder roles" of
 * docs/architecture.md is written from it (`node tools/check-architecture.ts --write`).
 */

/** What a file is in its package, by its folder or its name. */
export type Role =
  | 'model'
  | 'plan'
  | 'render'
  | 'codec'
  | 'generated'
  | 'ports'
  | 'run'
  | 'adapters'
  | 'testing'
  | 'index'
  | 'bin'
  | 'src';

/**
 * Modules of Node.js and npm packages: `any`, none, or by name. A list of names allows these exports
 * only: the rest of the module reads the clock, makes random values or touches the machine.
 */
export type Outside = 'any' | Readonly<Record<string, 'any' | 'types' | readonly string[]>>;

export interface RoleRow {
  /** How docs/architecture.md shows it. */
  readonly title: string;
  readonly roles: readonly Role[];
  readonly holds: string;
  /** Roles of the files that the imported names come from, in any room or package. */
  readonly mayImport: readonly Role[];
  /** True where an import may only name types. */
  readonly typesOnly?: boolean;
  readonly outside: Outside;
  /** False where clock, chance, timers and the process are arguments, never globals. */
  readonly mayUseGlobals: boolean;
  /** What the other columns cannot say, for docs/architecture.md. */
  readonly mayNot: string;
}

/** What pure code may use of others: nothing here does I/O, waits, reads a clock or draws a number. */
const PURE_OUTSIDE: Outside = {
  'node:buffer': ['Buffer', 'constants', 'isUtf8', 'isAscii'],
  'node:crypto': [
    'createHash',
    'createHmac',
    'createPublicKey',
    'hash',
    'X509Certificate',
    'timingSafeEqual',
  ],
  'node:net': ['isIP', 'isIPv4', 'isIPv6', 'BlockList', 'SocketAddress'],
  // resolve reads the working directory; relative does so for relative paths only
  'node:path/posix': [
    'relative',
    'basename',
    'dirname',
    'extname',
    'isAbsolute',
    'join',
    'normalize',
    'sep',
  ],
  'node:util': ['isDeepStrictEqual', 'parseArgs', 'TextDecoder', 'TextEncoder', 'inspect'],
  zod: 'any',
  yaml: 'any',
  'protobufjs/minimal.js': 'any',
  '@kubernetes/client-node': 'types',
  'fast-json-patch': 'any',
};

export const ROLE_ROWS: readonly RoleRow[] = [
  {
    title: '`model/` `plan/` `render/` `codec/`',
    roles: ['model', 'plan', 'render', 'codec'],
    holds: 'types, decisions, text, bytes: pure functions over plain data',
    // ports.ts holds types only: data that ports carry, and ports that are arguments (Clock, Random)
    mayImport: ['model', 'plan', 'render', 'codec', 'generated', 'ports'],
    outside: PURE_OUTSIDE,
    mayUseGlobals: false,
    mayNot:
      'be async, read the clock, draw a random number, touch the process, wait for `import()`',
  },
  {
    title: '`ports.ts`',
    roles: ['ports'],
    holds: 'interfaces of every effect',
    mayImport: ['model', 'plan', 'render', 'codec', 'generated', 'ports'],
    typesOnly: true,
    outside: {},
    mayUseGlobals: false,
    mayNot: 'hold values',
  },
  {
    title: '`run/`',
    roles: ['run'],
    holds: 'loops and executors over ports',
    mayImport: ['model', 'plan', 'render', 'codec', 'ports', 'run'],
    outside: {},
    mayUseGlobals: false,
    mayNot: 'import adapters or `node:*`, use global timers',
  },
  {
    title: '`adapters/`',
    roles: ['adapters'],
    holds: 'the real ports: sockets, files, processes, libraries',
    // What an adapter has to decide is in plan/, tested there: so it imports it.
    // `src` are the further doors of other packages, as @nodeagent/kube-client/http.
    mayImport: ['model', 'plan', 'render', 'codec', 'generated', 'ports', 'adapters', 'src'],
    outside: 'any',
    mayUseGlobals: true,
    mayNot: 'decide: it asks `plan/`; drive loops of `run/`',
  },
  {
    title: '`testing/`',
    roles: ['testing'],
    holds: 'in-memory ports that keep the real rules, and builders; published on a subpath',
    mayImport: ['model', 'plan', 'render', 'codec', 'ports', 'run', 'testing'],
    outside: {},
    mayUseGlobals: true,
    mayNot: 'need the real thing',
  },
  {
    title: '`index.ts`',
    roles: ['index'],
    holds: 'a door: the names that others may use',
    mayImport: ['model', 'plan', 'render', 'codec', 'ports', 'run'],
    outside: {},
    mayUseGlobals: false,
    mayNot: 're-export everything, load anything heavy',
  },
  {
    title: '`bin/`',
    roles: ['bin'],
    holds: 'commands of a package',
    mayImport: ['model', 'plan', 'render', 'codec', 'ports', 'run', 'adapters', 'src', 'bin'],
    outside: 'any',
    mayUseGlobals: true,
    mayNot: 'be imported by others',
  },
  {
    title: '`src/*.ts`',
    roles: ['src'],
    holds: 'further doors (published subpaths); what puts loops and adapters together; a program',
    mayImport: ['model', 'plan', 'render', 'codec', 'ports', 'run', 'adapters', 'src'],
    outside: 'any',
    mayUseGlobals: true,
    mayNot: 'need what only tests need',
  },
];

/** An arrow that the table refuses and that stays for a reason. A lint finding names those unused. */
export interface Exception {
  /** Paths below the repository's root; a folder when it ends in `/`. */
  readonly from: string;
  readonly to: string;
  readonly why: string;
}

export const EXCEPTIONS: readonly Exception[] = [
  {
    from: 'packages/dev-apiserver/src/index.ts',
    to: 'packages/dev-apiserver/src/start.ts',
    why: 'the server is the library: its only use is to start it',
  },
  {
    from: 'packages/dev-apiserver/src/adapters/https-server.ts',
    to: 'packages/dev-apiserver/src/run/api.ts',
    why: 'a transport that calls inward: it is given the Api, of which it names the type',
  },
  {
    from: 'packages/dev-apiserver/src/adapters/https-server.ts',
    to: 'packages/dev-apiserver/src/run/api-answer.ts',
    why: 'the same: the type of what the Api answers',
  },
  {
    from: 'packages/ipvs/src/codec/requests.ts',
    to: 'packages/netlink-codec/src/run/connection.ts',
    why: 'the type of a request that the connection is given: bytes and flags',
  },
  {
    from: 'packages/kubelet/src/assembly/ports.ts',
    to: 'packages/base/src/run/scope.ts',
    why: 'the type of a task that the assembly starts beside its own',
  },
  {
    from: 'packages/kubelet/src/assembly/ports.ts',
    to: 'packages/kubelet/src/server/run/pages.ts',
    why: 'the type of a page that the program adds to the server',
  },
  {
    from: 'packages/kubelet/src/server/adapters/reloaded-files.ts',
    to: 'packages/base/src/run/wake.ts',
    why: 'a wait without a clock, which base offers to everybody',
  },
  {
    from: 'packages/node-status/src/adapters/proc-facts.ts',
    to: 'packages/base/src/run/or-aborted.ts',
    why: 'a wait without a clock, which base offers to everybody',
  },
];

/** Folders that put rooms together: they may enter every room's `adapters/` by the file. */
export const GATHERERS: readonly string[] = [
  'packages/kubelet/src/adapters/',
  'packages/kubelet/src/assembly/adapters/',
];

/** Import cycles that are left: the arrow of each at which it is to be cut. Types only, all of them. */
export const CYCLES: readonly Exception[] = [];
