export type { ImageGcPolicy } from './model/image-gc.js';
