/** The random numbers of one edit; a mutator takes each modulo the number of choices. */
export interface Edit {
  readonly place: number;
  readonly change: number;
  readonly detail: number;
}

/** The random numbers of one input. Without edits, the input is the recorded sample. */
export interface Draw {
  readonly sample: number;
  readonly edits: readonly Edit[];
}

/** One input and its history, for failure messages. */
export interface Mutation<T> {
  readonly input: T;
  readonly steps: readonly string[];
}

/** Makes inputs from recorded samples. The same draw always gives the same input. */
export interface Mutator<T> {
  readonly samples: number;
  make(draw: Draw): Mutation<T>;
}

/** Edits a sample step by step; a step without anything to change is left out. */
export function mutator<T>(
  samples: readonly T[],
  edit: (
    value: T,
    edit: Edit,
    sample: T,
  ) => { readonly value: T; readonly step: string } | undefined,
): Mutator<T> {
  if (samples.length === 0) throw new Error('A mutator needs at least one sample.');
  return {
    samples: samples.length,
    make: ({ sample, edits }) => {
      const recorded = pick(samples, sample);
      const steps = [`sample ${sample % samples.length}`];
      let value = recorded;
      for (const one of edits) {
        const edited = edit(value, one, recorded);
        if (edited === undefined) continue;
        value = edited.value;
        steps.push(edited.step);
      }
      return { input: value, steps };
    },
  };
}

/** The same inputs in another form, e.g. a tree as JSON text. */
export function mapped<T, R>(inputs: Mutator<T>, change: (input: T) => R): Mutator<R> {
  return {
    samples: inputs.samples,
    make: (draw) => {
      const { input, steps } = inputs.make(draw);
      return { input: change(input), steps };
    },
  };
}

/** Inputs of several mutators in equal parts. */
export function oneOf<T>(first: Mutator<T>, ...others: readonly Mutator<T>[]): Mutator<T> {
  const all = [first, ...others];
  const samples = all.reduce((sum, { samples }) => sum + samples, 0);
  return {
    samples,
    make: ({ sample, edits }) => {
      let index = sample % samples;
      for (const each of all) {
        if (index < each.samples) return each.make({ sample: index, edits });
        index -= each.samples;
      }
      throw new Error('unreachable: the index is below the sum');
    },
  };
}

/**
 * Two inputs for readers that join two sources; each sample of one is combined with a sample of the
 * other.
 */
export function paired<A, B>(first: Mutator<A>, second: Mutator<B>): Mutator<readonly [A, B]> {
  return {
    samples: Math.max(first.samples, second.samples),
    make: ({ sample, edits }) => {
      const a = first.make({ sample, edits: edits.filter((_, i) => i % 2 === 0) });
      const b = second.make({ sample: sample, edits: edits.filter((_, i) => i % 2 === 1) });
      return { input: [a.input, b.input], steps: [...a.steps, 'with', ...b.steps] };
    },
  };
}

/** @throws Error for an empty list */
export function pick<T>(values: readonly T[], number: number): T {
  if (values.length === 0) throw new Error('There is nothing to pick from.');
  return values[number % values.length] as T;
}
