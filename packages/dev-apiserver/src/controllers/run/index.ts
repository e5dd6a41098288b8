export type { ControllersOptions } from './controllers-options.js';
export { runAllControllers } from './run-controllers.js';
