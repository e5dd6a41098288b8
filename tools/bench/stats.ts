/** Expects at least one number. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
}

export const median = (values: readonly number[]): number => quantile(values, 0.5);

export interface Batch {
  /** The time of each task. */
  readonly eachMs: readonly number[];
  /** From the first start to the last end. */
  readonly totalMs: number;
}

/** Runs and times the tasks in order, at most `lanes` at a time. */
export async function timed(
  tasks: readonly (() => Promise<void>)[],
  atATime: number,
): Promise<Batch> {
  const eachMs: number[] = [];
  const queue = tasks.values();
  const startMs = performance.now();
  const worker = async (): Promise<void> => {
    for (const task of queue) {
      const beginMs = performance.now();
      await task();
      eachMs.push(performance.now() - beginMs);
    }
  };
  await Promise.all(Array.from({ length: atATime }, worker));
  return { eachMs, totalMs: performance.now() - startMs };
}
