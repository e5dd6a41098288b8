import { library } from '../../tsup.config.base.ts';

export default library({
  index: 'src/index.ts',
  'adapters/files/index': 'src/adapters/files/index.ts',
  'adapters/system': 'src/adapters/system.ts',
  'testing/index': 'src/testing/index.ts',
});
