import { describe, expect, it } from 'vitest';

import type { EventNote } from '../../../src/model/event.js';
import { EventCorrelator } from '../../../src/plan/correlate-event.js';

function aNote(message: string, name = 'web', reason = 'Failed'): EventNote {
  return { about: { kind: 'Pod', namespace: 'a', name }, type: 'Warning', reason, message };
}

/** Correlates an event and stores it if it is to be created, as the API server would. */
function say(correlator: EventCorrelator, note: EventNote, nowMs = 0): string {
  const correlation = correlator.correlate(note, nowMs);
  if (correlation.kind === 'drop') return 'drop';
  const { key, message } = correlation;
  if (correlation.kind === 'repeat') return `${correlation.event.count} × ${message}`;
  correlator.told(key, { name: message, namespace: 'a', count: 1 });
  return message;
}

describe(EventCorrelator, () => {
  it('counts repeats of the same message', () => {
    const correlator = new EventCorrelator();
    const said = ['x', 'y', 'x', 'x'].map((message) => say(correlator, aNote(message)));
    expect(said).toEqual(['x', 'y', '2 × x', '3 × x']);
  });

  it('combines the tenth and later different messages of one sort', () => {
    const correlator = new EventCorrelator();
    const said = Array.from({ length: 12 }, (_, i) => say(correlator, aNote(`m${i}`)));
    expect(said.slice(7)).toEqual([
      'm7',
      'm8',
      '(combined from similar events): m9',
      '2 × (combined from similar events): m10',
      '3 × (combined from similar events): m11',
    ]);
    expect(say(correlator, aNote('other', 'web', 'Pulled'))).toBe('other');
  });

  it('stops combining similar messages after ten quiet minutes', () => {
    const correlator = new EventCorrelator();
    for (let i = 0; i < 12; i += 1) say(correlator, aNote(`m${i}`));
    expect(say(correlator, aNote('late'), 600_001)).toBe('late');
  });

  it('lets 25 events about one object through, then one every five minutes', () => {
    const correlator = new EventCorrelator();
    const said = Array.from({ length: 27 }, () => say(correlator, aNote('x')));
    expect(said.slice(23)).toEqual(['24 × x', '25 × x', 'drop', 'drop']);
    expect(say(correlator, aNote('x', 'other'))).toBe('x');
    expect(say(correlator, aNote('x'), 299_000)).toBe('drop');
    expect(say(correlator, aNote('x'), 301_000)).toBe('29 × x');
  });
});
