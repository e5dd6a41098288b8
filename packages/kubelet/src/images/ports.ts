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
