export { explainPod, type ExplainSettings } from './explain-pod.js';
