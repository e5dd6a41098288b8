import { describe, expect, it } from 'vitest';
import { parse, safeParse } from 'zod/v4/core';

import { documentOf } from '../../src/codec/config-fields.js';
import { logging, loggingProblems, logSettings } from '../../src/codec/logging-fields.js';
import { parseFeatures } from '../../src/index.js';

const section = (value: unknown) => parse(logging(), value);

describe(logging, () => {
  it.each([[undefined], [null], [{}], [{ format: '', flushFrequency: 0, vmodule: null }]])(
    'gives %j Kubernetes’ defaults',
    (value) => {
      expect(documentOf(section(value))).toEqual({
        format: 'text',
        flushFrequency: '5s',
        verbosity: 0,
        vmodule: [],
        options: {
          text: { splitStream: false, infoBufferSize: '0' },
          json: { splitStream: false, infoBufferSize: '0' },
        },
      });
    },
  );

  it.each([
    [{ format: 'xml' }, /must be one of text, json/],
    [{ verbosity: -1 }, /0 or more/],
    [{ verbosity: 2 ** 31 }, /0 or more|2147483647/],
    [{ flushFrequency: '-1s' }, /more than 0s/],
    [{ flushFrequency: 'soon' }, /duration such as 5s/],
    [{ flushFrequency: -5 }, /more than 0s/],
    [{ vmodule: [{ filePattern: '', verbosity: 1 }] }, /file name pattern/],
    [{ vmodule: [{ filePattern: 'a=b', verbosity: 1 }] }, /file name pattern/],
    [{ options: { text: { infoBufferSize: 'much' } } }, /quantity of bytes/],
    [{ options: { json: { infoBufferSize: '-1' } } }, /quantity of bytes/],
  ])('refuses %j', (value, why) => {
    const { error } = safeParse(logging(), value);
    expect(error?.issues.map(({ message }) => message).join()).toMatch(why);
  });
});

describe(logSettings, () => {
  it('takes the options of the chosen format', () => {
    const options = {
      text: { splitStream: true, infoBufferSize: '64Ki' },
      json: { splitStream: false, infoBufferSize: '1Mi' },
    };
    const given = { options, flushFrequency: 2_000_000_000, verbosity: 3 };
    expect(logSettings(section(given))).toEqual({
      ...{ format: 'text', verbosity: 3, modules: [], flushMs: 2000 },
      ...{ splitStream: true, infoBufferBytes: 65_536 },
    });
    expect(logSettings(section({ ...given, format: 'json' }))).toMatchObject({
      ...{ splitStream: false, infoBufferBytes: 0 },
    });
  });
});

describe(loggingProblems, () => {
  const split = { options: { text: { splitStream: true, infoBufferSize: '1' } } };
  const vmodule = [{ filePattern: 'status', verbosity: 4 }];
  it.each([
    [{}, {}, []],
    [{ vmodule }, {}, []],
    [{ vmodule, format: 'json' }, {}, ['logging.vmodule']],
    [{ format: 'json' }, { LoggingBetaOptions: false }, ['logging.format']],
    [split, {}, ['logging.options.text.splitStream', 'logging.options.text.infoBufferSize']],
    [split, { LoggingAlphaOptions: true }, []],
  ])('finds in %j with gates %j: %j', (given, gates, want) => {
    const problems = loggingProblems(section(given), parseFeatures(gates).features);
    expect(problems.map(({ field }) => field)).toEqual(want);
  });
});
