export {
  createFixedFacts,
  createFixedInputs,
  type FixedFacts,
  type FixedInputs,
} from './fixed-facts.js';
