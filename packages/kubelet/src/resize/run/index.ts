export { Resizes } from './resizes.js';
export { ResourceRecords } from './resource-records.js';
