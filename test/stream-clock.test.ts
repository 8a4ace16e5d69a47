// The clock of a live stream: it says what has been read, so what had to wait in a socket is not late.
import { expect, test } from 'vitest';
import { StreamClock } from '../src/ingest/stream-clock.ts';

/** A clock with a host whose time passes only by `pass`, and while its sockets are looked at. */
function clockAt(start: number, sinceMs = 0) {
  const host = { at: start };
  const clock = new StreamClock(sinceMs, { now: () => host.at, elapsed: () => host.at });
  const pass = (ms: number) => {
    host.at += ms;
    clock.look(true);
  };
  const stall = (ms: number) => {
    host.at += ms;
  };
  return { clock, pass, stall };
}

/** One that has caught up with its host. */
function liveAt(start: number) {
  const made = clockAt(start - 2500);
  made.pass(1250);
  made.pass(1250);
  made.clock.heard();
  made.clock.catchUp();
  return made;
}

test('while all sockets are empty it is the clock of the host', () => {
  const { clock, stall } = liveAt(10_000);
  stall(700);
  clock.heard();
  expect(clock.now).toBe(10_700);
});

test('it goes no further than the last proof that the server can be heard', () => {
  const { clock, pass } = liveAt(10_000);
  pass(1000);
  clock.catchUp();
  expect(clock.now).toBe(10_000);
  clock.answered(400, undefined);
  clock.catchUp();
  expect(clock.now).toBe(10_600);
});

test('it is set right by the API server, whose Date has whole seconds, in between', () => {
  const { clock } = liveAt(10_400);
  clock.answered(0, 10_000);
  expect(clock.now).toBe(10_400);
  clock.answered(0, 13_000);
  expect(clock.now).toBe(13_000);
});

test('it never goes back, whatever the API server says', () => {
  const { clock } = liveAt(10_400);
  clock.answered(0, 5000);
  expect(clock.now).toBe(10_400);
});

test('it stands while a stream is broken or lists', () => {
  const { clock, stall } = liveAt(10_000);
  clock.stop();
  for (let index = 0; index < 100; index++) {
    stall(100);
    clock.heard();
    clock.look(false);
  }
  expect(clock.now).toBe(10_000);
});

test('it stands while the reader is paused, and then moves no faster than time', () => {
  const { clock, pass } = liveAt(10_000);
  pass(60_000);
  clock.heard();
  clock.look(true);
  pass(200);
  clock.catchUp();
  expect(clock.now).toBe(10_200);
});

test('a process that did not run does not take what waited meanwhile for new', () => {
  const { clock, stall } = liveAt(10_000);
  stall(2500);
  clock.heard();
  expect(clock.now).toBe(10_000);
});

test('it moves while more comes than can be read', () => {
  const { clock, pass } = liveAt(10_000);
  for (let index = 0; index < 100; index++) {
    clock.heard();
    pass(20);
  }
  clock.heard();
  clock.look(true);
  expect(clock.now).toBe(11_980);
});

test('what comes after long silence may have waited on the way', () => {
  const { clock, pass } = liveAt(10_000);
  for (let index = 0; index < 4; index++) pass(1000);
  clock.heard();
  expect(clock.isBehind).toBe(true);
  expect(clock.now).toBe(10_000);
});

test('after a break it catches up when what is read was written just now', () => {
  const { clock, pass } = liveAt(10_000);
  const stream = {};
  pass(180_000);
  clock.fallBehind(stream);
  clock.heard();
  clock.read(stream, 100_000);
  clock.catchUp();
  expect(clock.now).toBe(10_000);
  clock.read(stream, 189_000);
  clock.catchUp();
  expect(clock.now).toBe(190_000);
});

test('what one stream brings says nothing of another one', () => {
  const { clock } = liveAt(10_000);
  const [one, other] = [{}, {}];
  clock.fallBehind(one);
  clock.fallBehind(other);
  clock.read(one, 10_000);
  expect(clock.isBehind).toBe(true);
  clock.read(other, 10_000);
  expect(clock.isBehind).toBe(false);
});

test('after a break it catches up when nothing more comes of a server that answers', () => {
  const { clock, pass } = liveAt(10_000);
  pass(180_000);
  clock.fallBehind({});
  clock.heard();
  for (let index = 0; index < 5; index++) pass(500);
  clock.catchUp();
  expect(clock.isBehind).toBe(true);
  clock.answered(0, undefined);
  clock.catchUp();
  expect(clock.now).toBe(192_500);
});

test('while what comes is from before the break, it waits for the rest', () => {
  const { clock, pass } = liveAt(10_000);
  const stream = {};
  clock.fallBehind(stream);
  pass(1200);
  clock.read(stream, 5000);
  pass(1300);
  clock.heard();
  clock.catchUp();
  expect(clock.isBehind).toBe(true);
  pass(1200);
  clock.heard();
  clock.catchUp();
  expect(clock.isBehind).toBe(false);
});

test('it begins in the past where Events of the past are wanted', () => {
  expect(clockAt(700_000, 600_000).clock.text).toBe('1970-01-01T00:01:40.000Z');
});
