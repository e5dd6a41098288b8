import { library } from '../../tsup.config.base.ts';

export default library({
  index: 'src/index.ts',
  describe: 'src/describe.ts',
  'adapters/proc-facts': 'src/adapters/proc-facts.ts',
  'testing/index': 'src/testing/index.ts',
});
