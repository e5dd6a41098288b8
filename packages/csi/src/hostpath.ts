export { createHostPathDriver, type HostPathOptions } from './adapters/hostpath/driver.js';
