export { FileError, type FileErrorCode, isFileError } from '../../model/file-error.js';
export {
  DIRECTORY_ITSELF,
  O_PATH,
  pathInDirectory,
  pathOfDescriptor,
  PLACE,
} from './descriptor.js';
export {
  type ForeignFileOptions,
  openForeignFile,
  readForeignFile,
  readForeignTail,
  readForeignText,
  type ReadLimit,
} from './foreign-file.js';
export { readKernelText, readOpenKernelText, unlessKernelGone } from './kernel-text.js';
export { removeTree, type RemoveTreeOptions } from './remove-tree.js';
export {
  AT_ONCE_TREE,
  type ListedEntry,
  type Listing,
  QUEUED_TREE,
  type TreeCalls,
} from './tree-calls.js';
export {
  type LeftDirectory,
  type TreeEntry,
  type TreeVisitor,
  type WalkOptions,
  type WalkStart,
  walkTree,
} from './tree-walk.js';
