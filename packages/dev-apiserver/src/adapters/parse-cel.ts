import { type ASTNode, Environment, ParseError } from '@marcbachmann/cel-js';

import { type Expression, ExpressionError } from '../model/cel/expression.js';
import { CelUint, type CelValue } from '../model/cel/value.js';

/** Parses only: checking and evaluation are ours, because Kubernetes has its own functions and types. */
const grammar = new Environment({ enableOptionalTypes: true });

/** Reads the text of an expression. @throws {ExpressionError} */
export function parseCel(text: string): Expression {
  try {
    return read(grammar.parse(text).ast, text);
  } catch (error) {
    if (!(error instanceof ParseError)) throw error;
    throw new ExpressionError(error.range?.start ?? 0, `Syntax error: ${error.summary}`);
  }
}

function read(node: ASTNode, text: string): Expression {
  const inner = (one: ASTNode): Expression => read(one, text);
  const at = node.start;
  switch (node.op) {
    case 'value':
      return { kind: 'literal', at, value: literal(node.args) };
    case 'id':
      return { kind: 'name', at, name: node.args };
    case '.':
    case '.?': {
      const [of, name] = node.args;
      const optional = node.op === '.?';
      return { kind: 'field', at: placeOf(text, '.', of.end), of: inner(of), name, optional };
    }
    case '[]':
    case '[?]': {
      const [of, key] = node.args;
      const optional = node.op === '[?]';
      const place = placeOf(text, '[', of.end);
      return { kind: 'index', at: place, of: inner(of), key: inner(key), optional };
    }
    case 'list':
      return { kind: 'list', at, items: node.args.map(inner) };
    case 'map':
      return {
        kind: 'map',
        at,
        entries: node.args.map(([key, value]) => [inner(key), inner(value)] as const),
      };
    case '?:': {
      const [when, then, otherwise] = node.args;
      return {
        kind: 'choice',
        at: placeOf(text, '?', when.end),
        when: inner(when),
        then: inner(then),
        otherwise: inner(otherwise),
      };
    }
    case '||':
    case '&&': {
      const [left, right] = node.args;
      const kind = node.op === '||' ? 'or' : 'and';
      return {
        kind,
        at: placeOf(text, node.op, left.end),
        left: inner(left),
        right: inner(right),
      };
    }
    default:
      return readCall(node, text);
  }
}

type Operator = Exclude<
  ASTNode['op'],
  'value' | 'id' | '.' | '.?' | '[]' | '[?]' | 'list' | 'map' | '?:' | '||' | '&&'
>;

/** A function, a method, or an operator. */
function readCall(node: Extract<ASTNode, { op: Operator }>, text: string): Expression {
  const inner = (one: ASTNode): Expression => read(one, text);
  switch (node.op) {
    case 'call': {
      const [name, args] = node.args;
      const at = placeOf(text, '(', node.start);
      return { kind: 'call', at, name, target: undefined, args: args.map(inner) };
    }
    case 'rcall': {
      const [name, target, args] = node.args;
      const at = placeOf(text, '(', target.end);
      return { kind: 'call', at, name, target: inner(target), args: args.map(inner) };
    }
    case '!_':
    case '-_': {
      const args = [inner(node.args)];
      const [only] = args;
      const { op: name, start: at } = node;
      if (name === '-_' && only?.kind === 'literal') {
        const { value } = only;
        if (typeof value === 'bigint' || typeof value === 'number') {
          return { kind: 'literal', at, value: -value };
        }
      }
      return { kind: 'call', at, name, target: undefined, args };
    }
    default: {
      const [left, right] = node.args;
      const name = node.op === 'in' ? '@in' : `_${node.op}_`;
      const at = placeOf(text, node.op, left.end);
      return { kind: 'call', at, name, target: undefined, args: [inner(left), inner(right)] };
    }
  }
}

/** Finds the first place of a sign, not before another place. */
function placeOf(text: string, sign: string, from: number): number {
  const found = text.indexOf(sign, from);
  return found < 0 ? from : found;
}

function literal(value: unknown): CelValue {
  switch (typeof value) {
    case 'string':
    case 'number':
    case 'bigint':
    case 'boolean':
      return value;
    default:
      if (value === null || value instanceof Uint8Array) return value;
      // its class for unsigned numbers is not exported
      if (typeof value === 'object' && 'value' in value && typeof value.value === 'bigint') {
        return new CelUint(value.value);
      }
      throw new ExpressionError(0, 'Syntax error: a literal of an unknown type');
  }
}
