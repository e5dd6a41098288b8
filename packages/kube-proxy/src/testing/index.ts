export { aCluster, aService, aSlice, type Cluster, type EndpointSketch } from './builders.js';
export { MemoryForwardSockets } from './memory-forward-sockets.js';
export { MemoryHttp } from './memory-http.js';
export { MemoryServiceInterface } from './memory-service-interface.js';
export { MemorySysctl } from './memory-sysctl.js';
