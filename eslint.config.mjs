/**
 * The structure of the code: arrows between packages and folders, names that may not be used, order
 * of imports, comments, regular expressions. Everything that needs types, and common mistakes, is
 * oxlint's (.oxlintrc.json), which takes a tenth of the time for that.
 */
import nx from '@nx/eslint-plugin';
import * as parser from '@typescript-eslint/parser';
import regexp from 'eslint-plugin-regexp';
import importSort from 'eslint-plugin-simple-import-sort';
import { defineConfig } from 'eslint/config';

import { houseRules } from './tools/lint/rules.ts';

const layers = [0, 1, 2, 3, 4, 5, 6].map((layer) => ({
  sourceTag: `layer:${layer}`,
  onlyDependOnLibsWithTags: Array.from({ length: layer }, (_, below) => `layer:${below}`),
}));

/** Node.js, packages, own files: each sorted, with a blank line between. */
const importGroups = [['^\\u0000'], ['^node:'], ['^@?\\w'], ['^\\.']];

const exportAll = { selector: 'ExportAllDeclaration', message: 'Export by name.' };

/** How files that others may have made are reached, and trees removed: docs/architecture.md, "Files". */
const byDescriptor = 'Use @nodeagent/base/files: it follows no link and never waits for a pipe.';
const rawReads = [
  [
    'node:fs',
    ['createReadStream', 'opendir', 'opendirSync', 'openSync', 'readFile', 'readFileSync'],
  ],
  ['node:fs', ['cp', 'cpSync', 'rmSync']],
  ['node:fs/promises', ['cp', 'opendir', 'readFile']],
].map(([name, importNames]) => ({ name, importNames, message: byDescriptor }));
const rawTrees = [
  // removal of a tree; removing a file is harmless
  'CallExpression[callee.name=/^rm(Sync)?$/] > ObjectExpression > Property[key.name="recursive"]',
  'CallExpression[callee.property.name=/^rm(Sync)?$/] > ObjectExpression > Property[key.name="recursive"]',
  // open for reading; with other flags it makes a file, or only refers to a place
  'CallExpression[callee.name="open"][arguments.length=1]',
  'CallExpression[callee.name="open"][arguments.1.value=/^r/]',
].map((selector) => ({ selector, message: byDescriptor }));

/** Which package may import which; tests may also use what only this repository has. */
const boundaries = (allow) => ({
  enforceBuildableLibDependency: false,
  allow,
  depConstraints: [
    ...layers,
    {
      sourceTag: 'scope:kubelet',
      notDependOnLibsWithTags: ['scope:kube-proxy', 'scope:netfilter', 'scope:ipvs'],
    },
    {
      sourceTag: 'scope:kube-proxy',
      notDependOnLibsWithTags: ['scope:kubelet', 'scope:cri-client'],
    },
  ],
});

/** Regular expressions must be literals: only those can be proved linear before they run. */
const noBuiltPatterns = {
  meta: {
    type: 'problem',
    schema: [],
    messages: {
      built:
        'Write regular expressions as literals; match untrusted patterns with parseGlob (docs/architecture.md, "Untrusted text").',
    },
  },
  create: (context) => {
    const report = (node) => context.report({ node, messageId: 'built' });
    const text = '[arguments.0.type=/^(TemplateLiteral|BinaryExpression)$/]';
    return {
      ':matches(NewExpression, CallExpression)[callee.name="RegExp"]': report,
      [`CallExpression[callee.property.name=/^(match|matchAll|search)$/]${text}`]: report,
    };
  },
};

const house = { rules: { ...houseRules, 'no-built-patterns': noBuiltPatterns } };

/** A package's folders; `kubelet` has the same roles one room deeper. */
const inRole = (...roles) => roles.map((role) => `packages/*/src/**/${role}/**/*.ts`);

export default defineConfig(
  {
    ignores: [
      '**/dist/**',
      '**/generated/**',
      '**/reports/**',
      '.nx/**',
      '.cache/**',
      'docs/site/**',
      '**/*.mjs',
      '**/*.cjs',
      '**/*.js',
      '**/vitest.config.ts',
    ],
  },
  {
    files: ['**/*.ts'],
    languageOptions: { parser },
    linterOptions: { reportUnusedDisableDirectives: 'error' },
    plugins: { '@nx': nx, 'import-sort': importSort },
    rules: {
      'import-sort/imports': ['error', { groups: importGroups }],
      'import-sort/exports': 'error',
      'no-restricted-exports': ['error', { restrictDefaultExports: { direct: true } }],
      'no-restricted-syntax': ['error', exportAll],
      'no-useless-assignment': 'error',
      '@nx/enforce-module-boundaries': ['error', boundaries([])],
    },
  },
  {
    name: 'patterns',
    files: ['packages/*/src/**/*.ts', 'apps/*/src/**/*.ts'],
    plugins: { regexp, house },
    rules: {
      'house/no-built-patterns': 'error',
      'regexp/no-super-linear-backtracking': ['error', { report: 'potential' }],
      'regexp/no-super-linear-move': ['error', { report: 'potential' }],
    },
  },
  {
    // imports between roles, and globals they may use: tools/lint/roles.ts
    name: 'roles',
    files: ['packages/*/src/**/*.ts', 'apps/*/src/**/*.ts'],
    plugins: { house },
    rules: { 'house/arrows': 'error', 'house/no-ambient': 'error' },
  },
  {
    name: 'plain-comments',
    files: ['{packages,apps,testbed,tools,e2e}/**/*.ts'],
    plugins: { house },
    rules: { 'house/plain-comments': 'error' },
  },
  {
    name: 'pure-folders',
    files: inRole('model', 'plan', 'render', 'codec'),
    rules: {
      'no-restricted-syntax': [
        'error',
        exportAll,
        { selector: ':function[async=true]', message: 'Pure folders never wait.' },
        { selector: 'AwaitExpression', message: 'Pure folders never wait.' },
      ],
    },
  },
  {
    name: 'ports',
    files: ['packages/*/src/**/ports.ts'],
    rules: {
      'no-restricted-syntax': [
        'error',
        exportAll,
        {
          selector:
            'Program > :matches(VariableDeclaration, FunctionDeclaration, ClassDeclaration, TSEnumDeclaration), ExportNamedDeclaration > :matches(VariableDeclaration, FunctionDeclaration, ClassDeclaration, TSEnumDeclaration)',
          message: 'ports.ts contains types only.',
        },
      ],
    },
  },
  {
    name: 'foreign-files',
    files: [...inRole('adapters'), 'packages/*/src/*.ts'],
    ignores: [
      // the helpers themselves
      'packages/base/src/adapters/files/**',
      // a development tool with its own files
      'packages/dev-apiserver/**',
      // the kernel's own files: /proc, /sys and cgroups
      'packages/cgroups/src/adapters/{cgroup-busy,cgroup-tree,kept-files}.ts',
      'packages/component-base/src/adapters/process-metrics.ts',
      'packages/csi/src/adapters/hostpath/mounts.ts',
      'packages/ipvs/src/adapters/read-proc-table.ts',
      'packages/kube-proxy/src/adapters/{forward-tcp,sysctl}.ts',
      'packages/kubelet/src/assembly/adapters/read-machine.ts',
      'packages/kubelet/src/runtime/adapters/machine.ts',
      'packages/kubelet/src/stats/adapters/machine-readings.ts',
      'packages/kubelet/src/volumes/adapters/{mounter,project-quotas,share-tree}.ts',
      'packages/netlink-codec/src/adapters/socket.ts',
      'packages/node-status/src/adapters/proc-facts.ts',
      // its open() does not open files
      'packages/cri-client/src/adapters/grpc.ts',
      // named on the command line, directly or indirectly: may be a pipe, as from a shell's <(…)
      'packages/component-base/src/adapters/config-file.ts',
      'packages/kube-client/src/adapters/{kubeconfig,material}.ts',
      'packages/kubelet/src/credentials/adapters/kubeconfigs.ts',
      // writes volumes that containers see read-only
      'packages/kubelet/src/volumes/adapters/file-calls.ts',
    ],
    rules: {
      'no-restricted-imports': ['error', { paths: rawReads }],
      'no-restricted-syntax': ['error', exportAll, ...rawTrees],
    },
  },
  {
    name: 'tests',
    files: ['**/tests/**/*.ts', 'e2e/**/*.ts'],
    rules: {
      '@nx/enforce-module-boundaries': [
        'error',
        boundaries(['@nodeagent/testbed', '../../../vitest.*.js', '../../../../vitest.*.js']),
      ],
    },
  },
  {
    name: 'build-configs',
    files: ['**/tsup.config.ts'],
    rules: {
      'no-restricted-exports': 'off',
      '@nx/enforce-module-boundaries': 'off',
    },
  },
);
