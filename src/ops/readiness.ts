// Whether a live run does its work, for /readyz. The state of the run comes in; nothing goes out when
// Events come and spans go, else one line that says what does not. A stream that fails counts from its
// first failure on: whoever asks (a kubelet) has a patience of their own. Metadata that is not allowed,
// or that the run has given up waiting for, is worked around and does not count.
import type { ExportState } from '../export/sink.js';
import { isGivenUp, type StreamView } from '../ingest/watch-view.js';
import type { LiveState } from './live-run.js';

/** A back end that takes longer to answer is in trouble. */
const STALL_MS = 5000;

/** What does not work, in one line; undefined: all does. */
export function notReady({ engine, cluster, isEnding }: LiveState): string | undefined {
  if (isEnding) return 'the run is ending';
  if (!engine) return 'the engine has not started';
  if (engine.sinkFailed) return 'spans can no longer be delivered';
  const stalled = stalledBackEnd(engine.exports);
  if (stalled) return stalled;
  if (!cluster || cluster.events.length === 0) return 'Events are not asked for yet';
  if (!cluster.isCertain()) return 'the API server does not answer';
  const stuck = [
    ...cluster.events.filter((stream) => !isMoving(stream)),
    ...cluster.metadata.filter((stream) => !isMoving(stream) && !isGivenUp(stream)),
  ];
  return stuck.length === 0 ? undefined : told(stuck);
}

function stalledBackEnd(exports: ExportState | undefined): string | undefined {
  const { stalledMs = 0, destinations = [] } = exports ?? {};
  if (stalledMs <= STALL_MS) return undefined;
  const name = destinations.find((one) => one.stalledMs === stalledMs)?.name;
  const who = name === undefined ? 'the back end' : `destination ${name}`;
  return `${who} has not answered for ${seconds(stalledMs)}`;
}

/** Between two watches a stream is not live, and well. */
function isMoving({ isLive, isRefused, hasBegun, troubledMs }: StreamView): boolean {
  return isLive || (!isRefused && hasBegun && troubledMs === 0);
}

function told([first, ...more]: StreamView[]): string {
  const { resource, isRefused, troubledMs } = first!;
  const others = more.length === 0 ? '' : `, nor ${more.length} more`;
  const reason = isRefused
    ? 'the server refuses'
    : troubledMs > 0
      ? `failing for ${seconds(troubledMs)}`
      : 'its first list is under way';
  return `${resource.path} is not watched (${reason})${others}`;
}

function seconds(millis: number): string {
  return `${Math.round(millis / 1000)} s`;
}
