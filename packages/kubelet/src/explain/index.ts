export { parsePodState } from './codec/state-file.js';
export type {
  ExplainedAction,
  PodExplanation,
  PodState,
  RuntimeCall,
} from './model/explanation.js';
export { renderExplanation } from './render/explanation-text.js';
