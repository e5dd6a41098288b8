/**
 * Defines which role of a source file may import which. This file is the only definition: the lint
 * rules `house/arrows` and `house/no-ambient` read it, and the table "Folder roles" of
 * docs/architecture.md is generated from it (`node tools/check-architecture.ts --write`).
 */

/** A file's role in its package, by its folder or its name. */
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
 * Allowed modules of Node.js and npm packages: `any`, none, or by name. A list of names allows only
 * these exports, because other exports of the module read the clock, make random values or touch
 * the machine.
 */
export type Outside = 'any' | Readonly<Record<string, 'any' | 'types' | readonly string[]>>;

export interface RoleRow {
  /** The row's title in docs/architecture.md. */
  readonly title: string;
  readonly roles: readonly Role[];
  readonly holds: string;
  /** Roles of the files that the imported names come from, in any room or package. */
  readonly mayImport: readonly Role[];
  /** True when imports may name only types. */
  readonly typesOnly?: boolean;
  readonly outside: Outside;
  /** False when clock, chance, timers and the process must be arguments, never globals. */
  readonly mayUseGlobals: boolean;
  /** Rules for docs/architecture.md that the other columns cannot express. */
  readonly mayNot: string;
}

/** Modules for pure code: no export listed here does I/O, waits, reads a clock or uses chance. */
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
  'fast-json-patch': 'any',
  re2js: 'any',
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
    holds: 'interfaces of all effects',
    mayImport: ['model', 'plan', 'render', 'codec', 'generated', 'ports'],
    typesOnly: true,
    outside: {},
    mayUseGlobals: false,
    mayNot: 'contain values',
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
    holds: 'real implementations of ports: sockets, files, processes, libraries',
    // An adapter's decisions are in plan/, where they are tested, so it may import plan/. `src` are
    // the subpath doors of other packages, such as @nodeagent/kube-client/http.
    mayImport: ['model', 'plan', 'render', 'codec', 'generated', 'ports', 'adapters', 'src'],
    outside: 'any',
    mayUseGlobals: true,
    mayNot: 'make decisions (they belong in `plan/`), run loops of `run/`',
  },
  {
    title: '`testing/`',
    roles: ['testing'],
    holds: 'in-memory ports with the real rules, and builders; published on a subpath',
    mayImport: ['model', 'plan', 'render', 'codec', 'ports', 'run', 'testing'],
    outside: {},
    mayUseGlobals: true,
    mayNot: 'depend on real implementations',
  },
  {
    title: '`index.ts`',
    roles: ['index'],
    holds: 'a door: the names that other code may use',
    mayImport: ['model', 'plan', 'render', 'codec', 'ports', 'run'],
    outside: {},
    mayUseGlobals: false,
    mayNot: 're-export everything, load heavy modules',
  },
  {
    title: '`bin/`',
    roles: ['bin'],
    holds: 'commands of a package',
    mayImport: ['model', 'plan', 'render', 'codec', 'ports', 'run', 'adapters', 'src', 'bin'],
    outside: 'any',
    mayUseGlobals: true,
    mayNot: 'be imported by other files',
  },
  {
    title: '`src/*.ts`',
    roles: ['src'],
    holds: 'further doors (published subpaths); assembly of loops and adapters; a program',
    mayImport: ['model', 'plan', 'render', 'codec', 'ports', 'run', 'adapters', 'src'],
    outside: 'any',
    mayUseGlobals: true,
    mayNot: 'depend on test code',
  },
];

/**
 * Roles that a room's doors re-export: `index.ts` of the room is pure, so that pure code may enter
 * it, and `run/index.ts` holds what runs. A package's own `index.ts` follows the table.
 */
export const ROOM_DOORS: Readonly<Partial<Record<Role, readonly Role[]>>> = {
  index: ['model', 'plan', 'render', 'codec', 'generated', 'ports'],
  run: ['run'],
};

/** An arrow that the table refuses and that stays for a reason. Lint reports unused exceptions. */
export interface Exception {
  /** Paths below the repository's root; a folder when it ends in `/`. */
  readonly from: string;
  readonly to: string;
  readonly why: string;
}

/** Loops and doubles that people use on their own: their clock is optional. */
const WITH_DEFAULT_CLOCK: readonly string[] = [
  'packages/cgroups/src/run/watch-oom-kills.ts',
  'packages/cgroups/src/testing/memory-cgroups.ts',
  'packages/cri-client/src/testing/memory-runtime.ts',
  'packages/csi-controller/src/run/run-csi-controller.ts',
  'packages/dbus/src/run/lasting-dbus.ts',
  'packages/ipvs/src/run/reconciler.ts',
  'packages/kube-client/src/run/reflector.ts',
  'packages/kubelet/src/testing/memory-node.ts',
  'packages/netlink-codec/src/run/connection.ts',
  'packages/probes/src/run/probe-manager.ts',
];

export const EXCEPTIONS: readonly Exception[] = [
  ...WITH_DEFAULT_CLOCK.map((from) => ({
    from,
    to: 'packages/base/src/adapters/system.ts',
    why: 'the default of an option, which agents and tests always give',
  })),
  {
    from: 'packages/dev-apiserver/src/index.ts',
    to: 'packages/dev-apiserver/src/start.ts',
    why: 'the server is the library: starting it is its only use',
  },
  {
    from: 'packages/dev-apiserver/src/adapters/https-server.ts',
    to: 'packages/dev-apiserver/src/run/api.ts',
    why: 'a transport that calls inward: it receives the Api and names its type',
  },
  {
    from: 'packages/dev-apiserver/src/adapters/https-server.ts',
    to: 'packages/dev-apiserver/src/run/api-answer.ts',
    why: 'the same, for the type of the answers of the Api',
  },
  {
    from: 'packages/ipvs/src/codec/requests.ts',
    to: 'packages/netlink-codec/src/run/connection.ts',
    why: 'the type of a request to the connection: bytes and flags',
  },
  {
    from: 'packages/kubelet/src/assembly/ports.ts',
    to: 'packages/base/src/run/scope.ts',
    why: 'the type of a task that the assembly runs beside its own',
  },
  {
    from: 'packages/kubelet/src/assembly/ports.ts',
    to: 'packages/kubelet/src/server/run/pages.ts',
    why: 'the type of a page that the program adds to the server',
  },
  {
    from: 'packages/kubelet/src/server/adapters/reloaded-files.ts',
    to: 'packages/base/src/run/wake.ts',
    why: 'a wait without a clock, which base provides',
  },
  {
    from: 'packages/node-status/src/adapters/proc-facts.ts',
    to: 'packages/base/src/run/or-aborted.ts',
    why: 'a wait without a clock, which base provides',
  },
];

/** Folders that assemble rooms: they may import every room's `adapters/` by file. */
export const GATHERERS: readonly string[] = [
  'packages/kubelet/src/adapters/',
  'packages/kubelet/src/assembly/adapters/',
];

/** Import cycles that remain, each with the arrow to remove. All of them concern types only. */
export const CYCLES: readonly Exception[] = [];
