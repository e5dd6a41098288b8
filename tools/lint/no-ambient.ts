import type { Rule, Scope } from 'eslint';

import { placeOf, rowOf } from './arrows.ts';

/**
 * Globals that pure code and loops may use: those of the language and of the web that neither wait
 * nor have effects. All others are refused, so a new global is refused by default.
 */
const ALLOWED: ReadonlySet<string> = new Set([
  ...['AbortController', 'AbortSignal', 'AggregateError', 'Array', 'ArrayBuffer', 'BigInt'],
  ...['BigInt64Array', 'BigUint64Array', 'Boolean', 'Buffer', 'DOMException', 'DataView', 'Error'],
  ...['Event', 'EventTarget', 'FinalizationRegistry', 'Float64Array', 'Headers', 'Infinity'],
  ...['Int32Array', 'Iterator', 'JSON', 'Map', 'NaN', 'Number', 'Object', 'Promise', 'Proxy'],
  ...['RangeError', 'ReadableStream', 'Reflect', 'RegExp', 'Response', 'Set', 'String', 'Symbol'],
  ...['SyntaxError', 'TextDecoder', 'TextEncoder', 'TypeError', 'URL', 'URLSearchParams'],
  ...['Uint16Array', 'Uint32Array', 'Uint8Array', 'WeakMap', 'WeakRef', 'WeakSet', 'atob', 'btoa'],
  ...['decodeURIComponent', 'encodeURIComponent', 'isFinite', 'isNaN', 'parseFloat', 'parseInt'],
  ...['structuredClone', 'undefined', 'Intl'],
]);

/**
 * Globals with a member that reads the clock or chance: only a plain `Name.member` can be checked.
 */
const MEMBERS: Readonly<Record<string, (member: string) => boolean>> = {
  Math: (member) => member !== 'random',
  Date: (member) => ['UTC', 'parse', 'prototype'].includes(member),
  AbortSignal: (member) => ['abort', 'any'].includes(member),
};

type Node = Rule.Node & { readonly parent: Rule.Node | null };

/** Clock, chance and the process must be arguments, whatever global provides them. */
export const noAmbient: Rule.RuleModule = {
  meta: {
    type: 'problem',
    schema: [],
    messages: {
      ambient:
        '\'{{name}}\' comes from outside: time is a Clock, chance a Random, the rest a port (docs/architecture.md, "Folder roles").',
    },
  },
  create: (context) => {
    const { cwd } = context;
    const path = context.filename.slice(cwdRoot(context.filename, cwd).length + 1);
    const place = placeOf(path);
    if (place === undefined || rowOf(place.role)?.mayUseGlobals !== false) return {};
    const judge = ({ identifier }: Scope.Reference): void => {
      const node = identifier as unknown as Node;
      const { name } = identifier;
      if (isFine(name, node)) return;
      context.report({ node, messageId: 'ambient', data: { name } });
    };
    return {
      'Program:exit': (program) => {
        const scope = context.sourceCode.getScope(program);
        for (const reference of referencesOutside(scope)) judge(reference);
      },
    };
  },
};

/** Returns the repository's root: the folder above `packages/` or `apps/`. */
export function cwdRoot(filename: string, cwd: string): string {
  const at = Math.max(filename.lastIndexOf('/packages/'), filename.lastIndexOf('/apps/'));
  return at === -1 ? cwd : filename.slice(0, at);
}

/** Finds references to values that the file does not declare. */
function referencesOutside(global: Scope.Scope): readonly Scope.Reference[] {
  const declared = [...global.variables].filter(({ defs }) => defs.length === 0);
  const all = [...global.through, ...declared.flatMap(({ references }) => references)];
  return all.filter(
    (reference) => (reference as { isValueReference?: boolean }).isValueReference !== false,
  );
}

function isFine(name: string, node: Node): boolean {
  const { parent } = node;
  if ((parent?.type as string | undefined) === 'TSTypeQuery') return true; // types are erased
  if (parent === null) return ALLOWED.has(name);
  const members = MEMBERS[name];
  if (members === undefined) return ALLOWED.has(name);
  if (parent.type === 'MemberExpression' && (parent.object as unknown) === node) {
    const { property, computed } = parent;
    return !computed && property.type === 'Identifier' && members(property.name);
  }
  if (name === 'Math') return false;
  if (parent.type === 'BinaryExpression' && parent.operator === 'instanceof') return true;
  const isNew = parent.type === 'NewExpression' && (parent.callee as unknown) === node;
  // `new Date()` is the present time; `new Date(...[])` may be
  return (
    name === 'Date' &&
    isNew &&
    parent.arguments.length > 0 &&
    parent.arguments[0]?.type !== 'SpreadElement'
  );
}
