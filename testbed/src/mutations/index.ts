export { mutatedBytes } from './bytes.ts';
export { checkReader, type Reader } from './check-reader.ts';
export { type Draw, mapped, type Mutation, type Mutator, oneOf, paired } from './mutator.ts';
export { mutatedTexts } from './texts.ts';
export { mutatedTrees, type Path, type TreeOptions } from './trees.ts';
