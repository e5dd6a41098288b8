import { library } from '../../tsup.config.base.ts';

export default library({
  index: 'src/index.ts',
  'adapters/index': 'src/adapters/index.ts',
  'plan/explain/index': 'src/plan/explain/index.ts',
  'testing/index': 'src/testing/index.ts',
});
