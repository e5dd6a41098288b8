import fc from 'fast-check';

import { givenSeed } from '../chance.ts';
import type { Draw, Mutation, Mutator } from './mutator.ts';
import { startWatchdog } from './watchdog.ts';

export interface Reader<T> {
  /** The reader's name in failure messages. */
  readonly name: string;
  readonly inputs: Mutator<T>;
  /** Reads one input and checks the result. It must accept all recorded samples. */
  readonly read: (input: T) => unknown;
  /** The errors with which the reader may refuse an input. */
  readonly refuses?: (error: unknown) => boolean;
  /** Number of this reader's inputs in every 100,000; 1,500 when absent. */
  readonly share?: number;
}

/**
 * Reads mutations of recorded data. Fails when the reader ends in an undocumented way: an
 * unexpected error, a value that its own checks refuse, or a change of a built-in prototype.
 *
 * `NODEAGENT_MUTATIONS` (100,000) is the number of mutations for all readers together,
 * `NODEAGENT_SEED` selects them; `random` chooses a seed. `NODEAGENT_SEED_PATH` replays one
 * failure.
 */
export async function checkReader<T>(reader: Reader<T>): Promise<void> {
  const { name, inputs, read, refuses = () => false, share = 1500 } = reader;
  const builtIns = countBuiltIns();
  const readOne = async (input: T): Promise<void> => {
    try {
      await read(input);
    } catch (error) {
      if (!refuses(error)) throw error;
    }
    if (countBuiltIns() !== builtIns) throw new Error('A built-in prototype was changed.');
  };
  for (let sample = 0; sample < inputs.samples; sample++) {
    const { input } = inputs.make({ sample, edits: [] });
    try {
      await read(input);
    } catch (error) {
      const why = `${name}: the recorded sample ${sample} is refused: ${String(error)}`;
      throw new Error(why, { cause: error });
    }
  }
  const { seed, path, total } = settings();
  const numRuns = Math.max(1, Math.round((share * total) / 100_000));
  const watchdog = startWatchdog(`${name}, seed ${seed}`);
  try {
    const property = fc.asyncProperty(draws(inputs.samples), async (draw) => {
      watchdog.sign();
      await readOne(inputs.make(draw).input);
    });
    const result = await fc.check(property, {
      seed,
      numRuns,
      ...(path === undefined ? {} : { path }),
    });
    if (!result.failed) return;
    const [draw] = result.counterexample ?? [];
    const mutation = draw === undefined ? undefined : inputs.make(draw);
    const at = `NODEAGENT_SEED=${seed} NODEAGENT_SEED_PATH=${result.counterexamplePath}`;
    throw new Error(describe(name, at, mutation, result.errorInstance), {
      cause: result.errorInstance,
    });
  } finally {
    watchdog.stop();
  }
}

function settings(): { seed: number; path: string | undefined; total: number } {
  const { NODEAGENT_SEED_PATH: path, NODEAGENT_MUTATIONS: mutations = '100000' } = process.env;
  const total = Number(mutations);
  if (!(total > 0)) throw new Error('NODEAGENT_MUTATIONS has to be a number above 0.');
  return { seed: givenSeed(11), path, total };
}

/** Most inputs have one or two edits: more would hide each other. */
function draws(samples: number): fc.Arbitrary<Draw> {
  const number = fc.nat(1_000_000);
  const edit = fc.record({ place: number, change: number, detail: number });
  return fc.record({
    sample: fc.nat(samples - 1),
    edits: fc.array(edit, { minLength: 1, maxLength: 4, size: 'max' }),
  });
}

function describe(
  name: string,
  at: string,
  mutation: Mutation<unknown> | undefined,
  error: unknown,
): string {
  return [
    `${name}: an input makes its reader fail in an undocumented way:  ${String(error)}`,
    `replay with ${at}`,
    ...(mutation?.steps ?? []),
    `input: ${preview(mutation?.input)}`,
  ].join('\n  ');
}

const PREVIEW = 2000;

function preview(input: unknown): string {
  if (input instanceof Uint8Array)
    return `0x${Buffer.from(input).toString('hex').slice(0, PREVIEW)}`;
  try {
    const json = JSON.stringify(input) as string | undefined; // a function has no JSON
    return (json ?? String(input)).slice(0, PREVIEW);
  } catch {
    return '(too deep to be shown)';
  }
}

/** Adding or removing a member of a built-in prototype changes this number. */
function countBuiltIns(): number {
  let count = 0;
  for (const each of [Object, Array, String, Number, Function, Map, Promise, Uint8Array]) {
    count += Reflect.ownKeys(each).length + Reflect.ownKeys(each.prototype).length;
  }
  return count;
}
