export { BUILT_IN_RESOURCES, resourceOf } from './plan/resource-of.js';
