import { library } from '../../tsup.config.base.ts';

export default library(
  {
    index: 'src/index.ts',
    streams: 'src/streams.ts',
    'adapters/websocket': 'src/adapters/websocket.ts',
  },
  { thirdParty: ['ws'] },
);
