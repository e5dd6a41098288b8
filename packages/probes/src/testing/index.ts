export {
  createScriptedProber,
  type ScriptedOutcome,
  type ScriptedProber,
} from './scripted-prober.js';
