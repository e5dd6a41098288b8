import { CsiError } from '../model/errors.js';

/** The part of a list that a caller wants. */
export interface PageAsked {
  /** No limit when 0. */
  readonly maxEntries: number;
  /** Empty for the first page. */
  readonly startingToken: string;
}

/** Part of a long list. */
export interface Page<T> {
  readonly items: readonly T[];
  /** Empty on the last page. */
  readonly nextToken: string;
}

/**
 * A page of a list that is sorted by id. A token is the id of the last item before the page, so it
 * stays valid while items are added and removed.
 *
 * @throws {CsiError} `CSI_ABORTED` for a token that no page returned
 */
export function pageOf<T>(
  sorted: readonly T[],
  idOf: (item: T) => string,
  { maxEntries, startingToken }: PageAsked,
): Page<T> {
  if (startingToken !== '' && !startingToken.startsWith(AFTER)) {
    throw new CsiError(
      'CSI_ABORTED',
      `startingToken ${startingToken} belongs to no page: list again without a token`,
    );
  }
  const after = startingToken.slice(AFTER.length);
  const rest = startingToken === '' ? sorted : sorted.filter((item) => idOf(item) > after);
  const items = maxEntries === 0 ? rest : rest.slice(0, maxEntries);
  const last = items.at(-1);
  const isLast = items.length === rest.length || last === undefined;
  return { items, nextToken: isLast ? '' : `${AFTER}${idOf(last)}` };
}

const AFTER = 'after:';
