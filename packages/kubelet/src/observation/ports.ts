/** Files in which containers leave their last words. */
export interface MessageFiles {
  /** At most so many bytes from the file's end; empty when there is no such file. */
  readTail(path: string, maxBytes: number, links: 'refused' | 'followed'): Promise<string>;
}
