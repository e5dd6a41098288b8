export type { Action, Plan } from './model/action.js';
export type { View } from './model/view.js';
export { amountsOf, podRequests } from './plan/pod-requests.js';
