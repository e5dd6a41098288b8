/**
 * Runs every job, at most `lanes` at a time, in the given order.
 *
 * @returns the results in the same order
 */
export async function inLanes<J, R>(
  jobs: readonly J[],
  lanes: number,
  perform: (job: J) => Promise<R>,
): Promise<readonly R[]> {
  const results = new Map<number, R>();
  const left = jobs.entries();
  const lane = async (): Promise<void> => {
    for (const [i, job] of left) results.set(i, await perform(job));
  };
  await Promise.all(Array.from({ length: Math.max(1, lanes) }, lane));
  return jobs.map((_, i) => results.get(i) as R);
}
