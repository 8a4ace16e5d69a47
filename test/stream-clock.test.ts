// The clock of a live stream: it says what has been read, so what had to wait in a socket is not late.
import { expect, test } from 'vitest';
import { StreamClock } from '../src/ingest/stream-clock.ts';

/** A clock with a host whose time passes only by `pass`. */
function clockAt(start: number, sinceMs = 0) {
  const host = { at: start };
  const clock = new StreamClock(sinceMs, { now: () => host.at, elapsed: () => host.at });
  const pass = (ms: number) => {
    host.at += ms;
  };
  return { clock, pass };
}

/** One that has caught up with its host. */
function liveAt(start: number) {
  const made = clockAt(start);
  made.clock.quiet();
  made.clock.catchUp();
  return made;
}

test('while all sockets are empty it is the clock of the host', () => {
  const { clock, pass } = liveAt(10_000);
  pass(700);
  expect(clock.now).toBe(10_700);
});

test('it is set right by the API server, whose Date has whole seconds, in between', () => {
  const { clock } = liveAt(10_400);
  clock.correct(10_000, 0);
  expect(clock.now).toBe(10_400);
  clock.correct(13_000, 0);
  expect(clock.now).toBe(13_000);
});

test('it never goes back, whatever the API server says', () => {
  const { clock } = liveAt(10_400);
  clock.correct(5000, 0);
  expect(clock.now).toBe(10_400);
});

test('it stands while a stream is broken or lists', () => {
  const { clock, pass } = liveAt(10_000);
  clock.stop();
  for (let index = 0; index < 100; index++) {
    pass(100);
    clock.pull(false);
  }
  expect(clock.now).toBe(10_000);
});

test('it stands while the reader is paused, and then moves no faster than time', () => {
  const { clock, pass } = liveAt(10_000);
  clock.pull(true);
  pass(60_000);
  clock.pull(true);
  expect(clock.now).toBe(10_250);
  clock.catchUp();
  pass(100);
  clock.pull(true);
  expect(clock.now).toBe(10_350);
});

test('it moves while more comes than can be read', () => {
  const { clock, pass } = liveAt(10_000);
  clock.pull(true);
  for (let index = 0; index < 100; index++) {
    pass(20);
    clock.pull(true);
  }
  expect(clock.now).toBe(12_000);
});

test('after a break it catches up when what is read was written just now', () => {
  const { clock, pass } = liveAt(10_000);
  pass(180_000);
  clock.fallBehind();
  clock.read(100_000);
  clock.catchUp();
  expect(clock.now).toBe(10_000);
  clock.read(189_000);
  clock.catchUp();
  expect(clock.now).toBe(190_000);
});

test('after a break it catches up when nothing more comes', () => {
  const { clock, pass } = liveAt(10_000);
  pass(180_000);
  clock.fallBehind();
  clock.quiet();
  clock.catchUp();
  expect(clock.now).toBe(190_000);
});

test('it begins in the past where Events of the past are wanted', () => {
  expect(clockAt(700_000, 600_000).clock.text).toBe('1970-01-01T00:01:40.000Z');
});
