export { countSocket, noCounts, type SocketCounts } from './count-socket.js';
export { type HostileOptions, HostileSocket } from './hostile-socket.js';
export { type RecordedExchange, RecordedSocket, recordSocket } from './recorded-socket.js';
