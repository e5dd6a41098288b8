import { codedError, errorGuard } from './coded-error.js';

/**
 * `FILE_KIND` the path is not a regular file but e.g. a pipe or a link · `FILE_TOO_LARGE` a file is
 * larger than the reader's limit · `FILE_TREE` a directory cannot be walked or removed.
 */
export type FileErrorCode = 'FILE_KIND' | 'FILE_TOO_LARGE' | 'FILE_TREE';

export class FileError extends codedError<FileErrorCode>('FileError') {}

/** Matches the name and, where any are given, the codes. */
export const isFileError = errorGuard(FileError);
