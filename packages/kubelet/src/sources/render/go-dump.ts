import { Buffer } from 'node:buffer';

import { type GoQuantity, parseGoQuantity, roundedToMilli } from '../model/go-quantity.js';
import type { GoField, GoType } from '../model/go-type.js';

type Struct = Readonly<Record<string, unknown>>;

/**
 * Prints a value as Go's package spew does for hashes: every struct in full, each field with its
 * type, no addresses, map keys in byte order.
 *
 * Structs are plain objects by `GoField.key`. An absent value is Go's zero, which for pointers,
 * lists and maps is nil and differs from empty. Quantities are text or `GoQuantity`.
 *
 * Only the zero time is printed as in Go, whose output contains the machine's time zones.
 *
 * @see Kubernetes 1.36 vendor/k8s.io/utils/dump/dump.go, ForHash, and
 *   vendor/github.com/davecgh/go-spew/spew/format.go
 */
export function goDump(type: GoType, value: unknown): string {
  const out: string[] = [];
  typed(type, value, out);
  return out.join('');
}

function typed(type: GoType, value: unknown, out: string[]): void {
  out.push(`(${type.name})`);
  if (type.kind === 'pointer') {
    if (value === undefined) out.push('<nil>');
    else bare(type.of, value, out);
  } else {
    bare(type, value, out);
  }
}

function bare(type: GoType, value: unknown, out: string[]): void {
  switch (type.kind) {
    case 'struct':
      struct(type.fields, (value ?? {}) as Struct, out);
      return;
    case 'list':
      list(type.of, value as readonly unknown[] | undefined, out);
      return;
    case 'map':
      map(type.of, value as Struct | undefined, out);
      return;
    case 'pointer': // only below `typed`
      bare(type.of, value, out);
      return;
    default:
      out.push(scalar(type.kind, value));
  }
}

function struct(fields: readonly GoField[], value: Struct, out: string[]): void {
  out.push('{');
  let gap = '';
  for (const { name, key, embedded, where, type } of fields) {
    if (where === 'json') continue;
    out.push(gap, name, ':');
    typed(type, embedded ? value : value[key], out);
    gap = ' ';
  }
  out.push('}');
}

function list(of: GoType, values: readonly unknown[] | undefined, out: string[]): void {
  if (values === undefined) {
    out.push('<nil>');
    return;
  }
  out.push('[');
  for (const [i, value] of values.entries()) {
    if (i > 0) out.push(' ');
    bare(of, value, out);
  }
  out.push(']');
}

function map(of: GoType, values: Struct | undefined, out: string[]): void {
  if (values === undefined) {
    out.push('<nil>');
    return;
  }
  const keys = Object.keys(values).sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  out.push('map[');
  for (const [i, key] of keys.entries()) {
    out.push(i > 0 ? ' ' : '', key, ':');
    bare(of, values[key], out);
  }
  out.push(']');
}

type ScalarKind = Exclude<GoType['kind'], 'struct' | 'list' | 'map' | 'pointer'>;

function scalar(kind: ScalarKind, value: unknown): string {
  switch (kind) {
    case 'string':
      return (value as string | undefined) ?? '';
    case 'bool':
      return String(value === true);
    case 'int32':
    case 'int64':
      return integer((value as number | undefined) ?? 0);
    case 'intOrString':
      return intOrString((value as number | string | undefined) ?? 0);
    case 'time':
      return time(value as string | undefined);
    case 'raw':
      return `{Raw:([]uint8)[${[...Buffer.from(JSON.stringify(value))].join(' ')}]}`;
    case 'quantity':
      return quantity(value === undefined ? undefined : read(value));
    case 'milliQuantity':
      return quantity(roundedToMilli(read(value)));
  }
}

const INT64_MAX = (1n << 63n) - 1n;

/** JavaScript rounds the largest 64-bit integer, so its rounded form means that integer. */
function integer(value: number): string {
  if (Number.isSafeInteger(value)) return String(value);
  const whole = BigInt(value);
  return String(whole > INT64_MAX ? INT64_MAX : whole);
}

function intOrString(value: number | string): string {
  const [type, int, text] = typeof value === 'string' ? [1, 0, value] : [0, value, ''];
  return `{Type:(intstr.Type)${type} IntVal:(int32)${int} StrVal:(string)${text}}`;
}

function time(text: string | undefined): string {
  const zero = '(uint64)0 ext:(int64)0 loc:(*time.Location)<nil>';
  return `{Time:(time.Time){wall:${text === undefined ? zero : text}}}`;
}

function read(value: unknown): GoQuantity {
  return typeof value === 'string' ? parseGoQuantity(value) : (value as GoQuantity);
}

/** An absent quantity has an empty format, too. */
function quantity(value: GoQuantity | undefined): string {
  const { units = 0n, scale = 0, decimal, text = '', format = '' } = value ?? {};
  const dec =
    decimal === undefined
      ? '<nil>'
      : `{unscaled:(big.Int)${bigInt(decimal.digits)} scale:(inf.Scale)${decimal.places}}`;
  return (
    `{i:(resource.int64Amount){value:(int64)${units} scale:(resource.Scale)${scale}}` +
    ` d:(resource.infDecAmount){Dec:(*inf.Dec)${dec}}` +
    ` s:(string)${text} Format:(resource.Format)${format}}`
  );
}

/** 64-bit words, the lowest first. */
function bigInt(value: bigint): string {
  const words: bigint[] = [];
  for (let rest = value < 0n ? -value : value; rest > 0n; rest >>= 64n) {
    words.push(BigInt.asUintN(64, rest));
  }
  const abs = words.length === 0 ? '<nil>' : `[${words.join(' ')}]`;
  return `{neg:(bool)${value < 0n} abs:(big.nat)${abs}}`;
}
