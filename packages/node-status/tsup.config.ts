import { library } from '../../tsup.config.base.ts';

export default library({
  index: 'src/index.ts',
  'adapters/proc-facts': 'src/adapters/proc-facts.ts',
  'testing/index': 'src/testing/index.ts',
});
