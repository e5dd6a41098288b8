/**
 * `FILE_KIND` the path is not a regular file but e.g. a pipe or a link · `FILE_TOO_LARGE` a file is
 * larger than the reader's limit · `FILE_TREE` a directory cannot be walked or removed.
 */
export type FileErrorCode = 'FILE_KIND' | 'FILE_TOO_LARGE' | 'FILE_TREE';

export class FileError extends Error {
  override readonly name = 'FileError';
  readonly code: FileErrorCode;

  constructor(code: FileErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** Matches name and code, not `instanceof`: two copies of this package may be installed. */
export function isFileError(
  value: unknown,
  ...codes: readonly FileErrorCode[]
): value is FileError {
  if (!(value instanceof Error) || value.name !== 'FileError') return false;
  return codes.length === 0 || codes.includes((value as FileError).code);
}
