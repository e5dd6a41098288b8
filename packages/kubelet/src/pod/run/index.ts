export { createPodEvents } from './pod-events.js';
