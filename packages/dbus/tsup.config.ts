import { library } from '../../tsup.config.base.ts';

export default library({
  index: 'src/index.ts',
  unix: 'src/unix.ts',
  'testing/index': 'src/testing/index.ts',
});
