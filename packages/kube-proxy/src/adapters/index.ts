export { createForwardSockets } from './forward-sockets.js';
export { createHttpListener } from './http-listener.js';
export { createHostInterfaces } from './interfaces.js';
export { readIpvsTable } from './read-ipvs-table.js';
export { createProcSysctl } from './sysctl.js';
