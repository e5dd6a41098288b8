/**
 * Returns what `beforeAll` assigned to a variable, for `afterAll`. The variable is undefined after
 * a `beforeAll` that failed, although its type does not say so.
 */
export const ifStarted = <T>(started: T | undefined): T | undefined => started;
