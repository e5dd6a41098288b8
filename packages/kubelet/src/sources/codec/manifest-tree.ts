import { isDeeperThan } from '@nodeagent/base';
import { Composer, isScalar, Parser, type ScalarTag, visit } from 'yaml';

import { ManifestError } from '../../pod/index.js';

/** A number that has not been parsed yet: Go stores a quantity according to its digits. */
export class NumberText {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

export type Fields = Readonly<Record<string, unknown>>;

export function isFields(tree: unknown): tree is Fields {
  const isObject = typeof tree === 'object' && tree !== null && !Array.isArray(tree);
  return isObject && !(tree instanceof NumberText);
}

/**
 * Parses a manifest into plain objects and lists, with numbers as `NumberText`. A text that begins
 * with a brace is JSON; any other is YAML as upstream's kubelet reads it, mostly version 1.1:
 * `0644` is octal, `yes` is true, `1:30` and dates are strings. Only the first document counts, and
 * of a repeated key the last value.
 *
 * @returns undefined for an empty text
 * @throws {ManifestError}
 * @see Kubernetes 1.36 staging/src/k8s.io/apimachinery/pkg/util/yaml/decoder.go, ToJSON, and
 *   vendor/go.yaml.in/yaml/v2/resolve.go
 */
export function parseTree(text: string): unknown {
  if (/^\s*\{/.test(text)) return parseJson(text);
  const tokens = [...new Parser().parse(text)];
  if (isDeeperThan(tokens, MOST_LEVELS * STEPS_PER_LEVEL)) throw tooDeep();
  const composer = new Composer({
    schema: 'failsafe',
    customTags: TAGS,
    merge: true,
    uniqueKeys: false,
  });
  const [first] = composer.compose(tokens);
  const [error] = first?.errors ?? [];
  if (error !== undefined) throw new ManifestError(error.message.split('\n')[0] ?? error.message);
  if (first === undefined) return undefined;
  visit(first, {
    Pair: (_, { key }) => {
      if (isScalar(key) && key.value instanceof NumberText) key.value = key.value.text;
    },
  });
  try {
    return first.toJS();
  } catch (cause) {
    // an unknown anchor, or aliases of aliases that would exhaust memory
    throw new ManifestError((cause as Error).message, { cause });
  }
}

/**
 * Far more levels than any pod has. The YAML library recurses: on some releases of Node.js a few
 * thousand levels crash the process without a catchable error.
 */
const MOST_LEVELS = 100;
/** A level takes three steps in the syntax tree: its list of items, an item, the item's value. */
const STEPS_PER_LEVEL = 3;

function tooDeep(): ManifestError {
  return new ManifestError(`is nested more than ${MOST_LEVELS} levels deep`);
}

function parseJson(text: string): unknown {
  const tree = parseJsonTree(text);
  if (isDeeperThan(tree, MOST_LEVELS)) throw tooDeep();
  return tree;
}

function parseJsonTree(text: string): unknown {
  try {
    return JSON.parse(text, (_, value: unknown, context?: { source?: string }) =>
      typeof value === 'number' ? new NumberText(context?.source ?? String(value)) : value,
    );
  } catch (cause) {
    if (cause instanceof RangeError) throw tooDeep(); // the reviver recurses
    throw new ManifestError((cause as Error).message, { cause });
  }
}

const INTEGER = /^([-+]?)(0[xX][\da-fA-F]+|0[bB][01]+|0[oO]?[0-7]+|0|[1-9]\d*)$/;
const FLOAT = /^[-+]?(?:\.\d+|\d+(?:\.\d*)?)(?:[eE][-+]?\d+)?$/;

/** The types besides string that a plain scalar may have. */
const TAGS: ScalarTag[] = [
  {
    tag: 'tag:yaml.org,2002:null',
    default: true,
    test: /^(?:~|null|Null|NULL)?$/,
    resolve: () => null,
  },
  {
    tag: 'tag:yaml.org,2002:bool',
    default: true,
    test: /^(?:[yYnN]|yes|Yes|YES|no|No|NO|true|True|TRUE|false|False|FALSE|on|On|ON|off|Off|OFF)$/,
    resolve: (text) => /^(?:y|t|on)/i.test(text),
  },
  {
    tag: 'tag:yaml.org,2002:int',
    default: true,
    test: /^[-+]?\d/,
    resolve: (text) => numberOf(text.replaceAll('_', '')) ?? text,
  },
  {
    tag: 'tag:yaml.org,2002:float',
    default: true,
    test: /^\.\d/,
    resolve: (text) => numberOf(text) ?? text,
  },
];

const INT64_MIN = -(1n << 63n);
const UINT64_MAX = (1n << 64n) - 1n;

/** Formats a number as Go does in JSON: 64-bit integers in full, others as JavaScript does too. */
function numberOf(text: string): NumberText | undefined {
  const [, sign = '', digits = ''] = INTEGER.exec(text) ?? [];
  if (digits !== '') {
    const octal = /^0([0-7]+)$/.exec(digits);
    const size = BigInt(octal === null ? digits : `0o${octal[1]}`);
    const value = sign === '-' ? -size : size;
    if (value >= INT64_MIN && value <= UINT64_MAX) return new NumberText(String(value));
  }
  return FLOAT.test(text) ? new NumberText(String(Number(text))) : undefined;
}
