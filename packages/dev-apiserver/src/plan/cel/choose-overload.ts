import { type CelType, DYN } from '../../model/cel/type.js';
import { CelList, type CelValue, EvaluationError, typeNameOf } from '../../model/cel/value.js';
import type { Frame } from './frame.js';
import { fits } from './runtime-type.js';
import type { Overload } from './signature.js';
import type { Unifier } from './unify.js';

export interface ChosenCall {
  readonly type: CelType;
  readonly overloads: readonly Overload[];
  /** @throws {EvaluationError} when no overload takes the values */
  readonly call: (frame: Frame, args: readonly CelValue[]) => CelValue;
}

/** A text of this many characters costs one step to read. */
const CHARACTERS_PER_STEP = 10;

/**
 * Finds the overloads that take arguments of these types. Several remain when an argument is `dyn`:
 * then the values decide.
 *
 * @returns undefined when there is none
 */
export function chooseOverload(
  unifier: Unifier,
  overloads: readonly Overload[],
  given: Readonly<{ isMethod: boolean; types: readonly CelType[] }>,
): ChosenCall | undefined {
  const matching: Overload[] = [];
  let result: CelType | undefined;
  const types = given.types.map((type) => unifier.resolve(type));
  const certain = !types.some(mentionsDyn);
  for (const overload of overloads) {
    if (overload.isMethod !== given.isMethod) continue;
    const found = unifier.tentatively(() => resultOf(unifier, overload, types));
    if (found === undefined) continue;
    matching.push(overload);
    if (result === undefined) result = found;
    else if (!unifier.unify(result, found)) result = DYN;
    if (certain) break;
  }
  if (result === undefined) return undefined;
  return {
    type: result,
    overloads: matching,
    call: (frame, args) => invoke(matching, frame, args),
  };
}

function resultOf(
  unifier: Unifier,
  { parameters, result }: Overload,
  types: readonly CelType[],
): CelType | undefined {
  if (parameters.length !== types.length) return undefined;
  const [made = DYN, ...wanted] = unifier.instance([result, ...parameters]);
  const fit = wanted.every((type, index) => unifier.unify(type, types[index] ?? DYN));
  return fit ? made : undefined;
}

function mentionsDyn(type: CelType): boolean {
  switch (type.kind) {
    case 'list':
    case 'optional':
      return mentionsDyn(type.of);
    case 'map':
      return mentionsDyn(type.key) || mentionsDyn(type.of);
    case 'simple':
      return type === DYN;
    case 'object':
      return false;
    case 'variable':
      return true;
  }
}

function invoke(overloads: readonly Overload[], frame: Frame, args: readonly CelValue[]): CelValue {
  frame.spend(1 + args.reduce<number>((sum, arg) => sum + sizeOf(arg), 0));
  const found =
    overloads.length === 1
      ? overloads[0]
      : overloads.find(({ parameters }) =>
          parameters.every((type, index) => fits(args[index] ?? null, type)),
        );
  if (found === undefined) {
    throw new EvaluationError(`no such overload: (${args.map(typeNameOf).join(', ')})`);
  }
  const [a = null, b = null, c = null, d = null, ...more] = args;
  return found.call(a, b, c, d, more);
}

function sizeOf(value: CelValue): number {
  if (typeof value === 'string') return Math.floor(value.length / CHARACTERS_PER_STEP);
  return value instanceof CelList ? value.items.length : 0;
}
