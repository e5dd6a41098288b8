import { library } from '../../tsup.config.base.ts';

export default library({
  index: 'src/index.ts',
  linux: 'src/linux.ts',
  'testing/index': 'src/testing/index.ts',
});
