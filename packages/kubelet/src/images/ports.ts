/** Storage of pull records, each identified by its kind and the name of what was pulled. */
export interface PullRecordFiles {
  /** @returns undefined if there is no such record */
  read(kind: PullRecordKind, name: string): Promise<string | undefined>;
  /** Atomic: readers see the old text or the new one. */
  write(kind: PullRecordKind, name: string, text: string): Promise<void>;
  /** Does nothing if the record is already gone. */
  remove(kind: PullRecordKind, name: string): Promise<void>;
  /** The texts of all records of a kind. */
  texts(kind: PullRecordKind): Promise<readonly string[]>;
  /** The number of records of a kind. */
  count(kind: PullRecordKind): Promise<number>;
}

/** `pulling`: pulls in progress, by image name. `pulled`: images present, by image id. */
export type PullRecordKind = 'pulling' | 'pulled';

/** The records of images that are there. */
export interface PullHistory {
  /** Removes the records of images that are gone. */
  prune(signal: AbortSignal): Promise<void>;
  /**
   * By image id: milliseconds for which the image has been there at least. An image that came by other
   * means than a pull has none.
   */
  agesMs(): Promise<ReadonlyMap<string, number>>;
}
