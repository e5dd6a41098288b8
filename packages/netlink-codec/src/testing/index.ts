export { type RecordedExchange, RecordedSocket, recordSocket } from './recorded-socket.js';
