// The state machine of a list-and-watch stream, over every fault an API server or the network can make.
// Time is what the inputs say, so nothing here waits.
import { describe, expect, test } from 'vitest';
import {
  type Beginning,
  begin,
  type Step,
  step,
  type WatchAction,
  type WatchInput,
} from '../src/ingest/watch-state.ts';

const PLAN = { timeoutMs: 60_000, graceMs: 15_000, pageObjects: 500 };
const JITTER = 0.5;

/** Feeds inputs, one after another, and returns the last step. */
function run(beginning: Beginning, ...inputs: WatchInput[]): Step {
  const first = begin({ ...PLAN, beginning }, JITTER);
  return inputs.reduce((last, input) => step(last.state, input, JITTER), first);
}

const page = (version: string, continueToken = ''): WatchInput => ({
  type: 'page',
  version,
  continueToken,
});
const frames = (version: string): WatchInput => ({ type: 'frames', version });
const status = (code: number, retryAfterMs?: number): WatchInput => ({
  type: 'status',
  code,
  retryAfterMs,
});
const closed = (lastedMs: number): WatchInput => ({ type: 'closed', lastedMs });
const bookmark = (version: string, initialEnd = false): WatchInput => ({
  type: 'bookmark',
  version,
  initialEnd,
});
const FAILED: WatchInput = { type: 'failed' };
const WAITED: WatchInput = { type: 'waited' };
const WATCHING = [page('10')];

const requestOf = ({ actions }: Step) => actions.at(-1);
const waitOf = (last: Step) => (requestOf(last) as WatchAction & { do: 'wait' }).ms;
const causeOf = ({ actions }: Step) => actions.find((action) => action.do === 'restart')?.cause;

describe('a beginning', () => {
  test('from now asks for one object, only for the version, and watches from there', () => {
    expect(requestOf(run('now'))).toMatchObject({ do: 'list', limit: 1, probe: true });
    const watching = run('now', page('10', 'more'));
    expect(watching.actions[0]).toEqual({ do: 'ready' });
    expect(requestOf(watching)).toMatchObject({ do: 'watch', version: '10', initial: false });
  });

  test('with a list asks for page after page, and watches from the version of the last', () => {
    const second = run('list', page('10', 'token'));
    expect(second.actions).toEqual([
      { do: 'list', continueToken: 'token', limit: 500, probe: false },
    ]);
    expect(requestOf(run('list', page('10', 'token'), page('10')))).toMatchObject({
      do: 'watch',
      version: '10',
    });
  });

  test('with a list by the watch is complete with its bookmark, and goes on from there', () => {
    expect(requestOf(run('watch-list'))).toMatchObject({ do: 'watch', initial: true });
    const sending = run('watch-list', frames('7'), bookmark('8'));
    expect(sending.actions).toEqual([]);
    const sent = step(sending.state, bookmark('12', true), JITTER);
    expect(sent.actions[0]).toEqual({ do: 'ready' });
    expect(requestOf(sent)).toMatchObject({ do: 'watch', version: '12', initial: false });
  });

  for (const code of [400, 422])
    test(`on a server that cannot list by a watch (${code}) lists in pages`, () => {
      expect(requestOf(run('watch-list', status(code)))).toMatchObject({ do: 'list', limit: 500 });
    });

  test('that breaks off lists by the watch again, from nothing', () => {
    const again = run('watch-list', frames('7'), FAILED, WAITED);
    expect(requestOf(again)).toMatchObject({ do: 'watch', version: '', initial: true });
  });
});

describe('a watch', () => {
  test('goes on from the last frame when its connection broke', () => {
    const waiting = run('now', ...WATCHING, frames('15'), FAILED);
    expect(causeOf(waiting)).toBe('failed');
    expect(requestOf(step(waiting.state, WAITED, JITTER))).toMatchObject({
      do: 'watch',
      version: '15',
    });
  });

  test('goes on from a bookmark', () => {
    const again = run('now', ...WATCHING, frames('15'), bookmark('20'), closed(60_000));
    expect(requestOf(again)).toMatchObject({ do: 'watch', version: '20' });
  });

  test('that the server ended in its time is asked for again at once', () => {
    const again = run('now', ...WATCHING, closed(60_000));
    expect(requestOf(again)).toMatchObject({ do: 'watch', version: '10' });
    expect(causeOf(again)).toBe('closed');
  });

  test('lasts as long as it was told, with jitter, and is dead some time after', () => {
    expect(requestOf(run('now', ...WATCHING))).toMatchObject({
      timeoutMs: 75_000,
      silenceMs: 90_000,
    });
  });

  test('that ends at once with nothing, three times, means a version too old: it lists', () => {
    const twice = run('now', ...WATCHING, closed(10), WAITED, closed(10), WAITED);
    expect(requestOf(twice)).toMatchObject({ do: 'watch', version: '10' });
    const thrice = step(twice.state, closed(10), JITTER);
    expect(causeOf(thrice)).toBe('empty');
    expect(thrice.state.phase.name).toBe('Expired');
    expect(requestOf(step(thrice.state, WAITED, JITTER))).toMatchObject({
      do: 'list',
      limit: 500,
      probe: false,
    });
  });

  test('that ends soon but brought something is no sign of an old version', () => {
    const short = [frames('11'), closed(10), WAITED];
    const many = run('now', ...WATCHING, ...short, ...short, ...short, ...short);
    expect(requestOf(many)).toMatchObject({ do: 'watch', version: '11' });
  });

  for (const [title, where] of [
    ['as a status or in the stream', [frames('11')]],
    ['at once', []],
  ] as const)
    test(`of a version that is gone (410, ${title}) lists all, not only what comes`, () => {
      const expired = run('now', ...WATCHING, ...where, status(410));
      expect(expired.state.phase.name).toBe('Expired');
      const listing = step(expired.state, WAITED, JITTER);
      expect(requestOf(listing)).toMatchObject({ do: 'list', probe: false, continueToken: '' });
    });
});

describe('a list', () => {
  test('goes on with the same page after a fault', () => {
    const again = run('list', page('10', 'token'), status(503), WAITED);
    expect(requestOf(again)).toMatchObject({ do: 'list', continueToken: 'token' });
  });

  test('whose continue token is gone (410) begins again', () => {
    const again = run('list', page('10', 'token'), status(410), WAITED);
    expect(requestOf(again)).toMatchObject({ do: 'list', continueToken: '' });
  });

  test('asks for half a page when one is too large, down to one object', () => {
    const half = run('list', { type: 'page-too-large' });
    expect(requestOf(half)).toMatchObject({ do: 'list', limit: 250 });
    const halves = Array<WatchInput>(9).fill({ type: 'page-too-large' });
    expect(requestOf(run('list', ...halves))).toMatchObject({ do: 'list', limit: 1 });
    expect(requestOf(run('list', ...halves, { type: 'page-too-large' }))?.do).toBe('wait');
  });
});

describe('a wait', () => {
  test('doubles with every failure, to half a minute at most', () => {
    const waits: number[] = [];
    let last = run('now', ...WATCHING);
    for (let index = 0; index < 12; index++) {
      last = step(last.state, FAILED, 1);
      waits.push(waitOf(last));
      last = step(last.state, WAITED, 1);
    }
    expect(waits.slice(0, 4)).toEqual([500, 1000, 2000, 4000]);
    expect(Math.max(...waits)).toBe(30_000);
  });

  test('differs by jitter, and is never less than half', () => {
    const { state } = run('now', ...WATCHING);
    expect(waitOf(step(state, FAILED, 0))).toBe(250);
    expect(waitOf(step(state, FAILED, 1))).toBe(500);
  });

  test('is short again after progress', () => {
    const failing = [FAILED, WAITED, FAILED, WAITED];
    expect(waitOf(run('now', ...WATCHING, ...failing, frames('11'), FAILED))).toBe(375);
  });

  for (const code of [429, 500, 503])
    test(`after ${code} is as long as the server asks, and a little more`, () => {
      const waiting = run('now', ...WATCHING, status(code, 7000));
      expect(waitOf(waiting)).toBe(7375);
      expect(causeOf(waiting)).toBe(code === 429 ? 'throttled' : 'server_error');
    });

  test('is no longer than five minutes, whatever the server asks', () => {
    expect(waitOf(run('now', ...WATCHING, status(429, 1e9)))).toBeLessThan(301_000);
  });
});

describe('credentials', () => {
  test('that do not work (401) are read anew, and the same is asked again at once', () => {
    const again = run('list', page('10', 'token'), status(401));
    expect(again.actions.map((action) => action.do)).toEqual(['restart', 'refresh', 'list']);
    expect(requestOf(again)).toMatchObject({ continueToken: 'token' });
    const watching = run('now', ...WATCHING, frames('11'), status(401));
    expect(requestOf(watching)).toMatchObject({ do: 'watch', version: '11' });
  });

  test('that still do not work are waited for', () => {
    expect(requestOf(run('now', ...WATCHING, status(401), status(401)))?.do).toBe('wait');
  });
});

for (const code of [403, 404, 405])
  test(`what is refused (${code}) is asked for again only after minutes`, () => {
    const waiting = run('watch-list', status(code));
    expect(waiting.state.phase).toEqual({ name: 'Refused', code });
    expect(causeOf(waiting)).toBe('refused');
    expect(waitOf(waiting)).toBeGreaterThanOrEqual(300_000);
    expect(requestOf(step(waiting.state, WAITED, JITTER))).toMatchObject({ initial: true });
  });

test('at any time exactly one request or wait is under way, and no state is a dead end', () => {
  const inputs = [
    page('10', 'token'),
    page('11'),
    frames('12'),
    bookmark('13'),
    bookmark('14', true),
    ...[200, 400, 401, 403, 404, 410, 422, 429, 500].map((code) => status(code)),
    closed(10),
    closed(60_000),
    FAILED,
    { type: 'page-too-large' } as const,
  ];
  const isRequest = ({ do: what }: WatchAction) => ['list', 'watch', 'wait'].includes(what);
  for (const beginning of ['now', 'list', 'watch-list'] as const) {
    let reached = [run(beginning)];
    for (let depth = 0; depth < 4; depth++) {
      const next = reached.flatMap(({ state, actions }) => {
        const given = actions.at(-1)?.do === 'wait' ? [WAITED] : inputs;
        return given.map((input) => step(state, input, JITTER));
      });
      for (const { actions } of next) {
        expect(actions.filter(isRequest)).toHaveLength(actions.length > 0 ? 1 : 0);
        expect(actions.length === 0 || isRequest(actions.at(-1)!)).toBe(true);
      }
      reached = [...new Map(next.map((last) => [JSON.stringify(last.state), last])).values()];
    }
  }
});
