/** Records of pulls; each is known by its kind and the name of what was pulled. */
export interface PullRecordFiles {
  /** @returns undefined when there is none */
  read(kind: PullRecordKind, name: string): Promise<string | undefined>;
  /** Readers see the old text or the new one. */
  write(kind: PullRecordKind, name: string, text: string): Promise<void>;
  /** Gone already is fine. */
  remove(kind: PullRecordKind, name: string): Promise<void>;
  /** All of a kind. */
  texts(kind: PullRecordKind): Promise<readonly string[]>;
}

/** `pulling`: under way, by image name. `pulled`: here, by image id. */
export type PullRecordKind = 'pulling' | 'pulled';
