// What may go wrong between a made-up cluster and its recording. Most recordings have a few of these,
// and each of them by how much; KSPAN_RANDOM_CALM (names, separated by commas) turns some off.

/** Shares in [0, 1], or microseconds. */
export interface Weather {
  /** Events that never arrive, and objects and deletions that no watcher is told of. */
  lost: number;
  unseen: number;
  lostDeletions: number;
  /** Frames that come twice; the watcher starts anew. */
  doubled: number;
  again: number;
  restarts: number;
  /** How much later than written they come, within the window; and how many beyond it. */
  slow: number;
  slowMetadata: number;
  late: number;
  /** Clocks: known to the second only, wrong by, Events written so much after what they tell. */
  vague: number;
  skew: number;
  slowWrite: number;
  /** No managedFields, on objects and on Events. */
  bare: number;
  bareEvents: number;
  /** events.k8s.io; no uid in the reference, or an unknown one. */
  newApi: number;
  noUid: number;
  stranger: number;
  /** Annotations: topLevelSpan, who applied it, traceparent. */
  topLevel: number;
  marked: number;
  traced: number;
  /** Long pauses within stories; frames with no receivedAt. */
  gaps: number;
  untimed: number;
}

const S = 1_000_000;
const CALM = (process.env.KSPAN_RANDOM_CALM ?? '').split(',');

export function drawWeather(random: () => number): Weather {
  const some = (share: number, value: number): number => (random() < share ? value : 0);
  const weather: Weather = {
    ...{ lost: some(0.4, 0.12), unseen: some(0.25, 0.2) || some(0.07, 1) },
    ...{ lostDeletions: some(0.2, 0.5), doubled: some(0.4, 0.1), again: some(0.3, 0.2) },
    ...{ restarts: some(0.15, 0.5), slow: some(0.4, 4 * S), late: some(0.3, 0.1) },
    slowMetadata: some(0.3, 4.5 * S),
    ...{ vague: some(0.4, 0.4), skew: some(0.3, 3 * S), slowWrite: some(0.4, 2 * S) },
    ...{ bare: some(0.1, 1), bareEvents: some(0.15, 0.5), newApi: some(0.2, 0.3) },
    ...{ noUid: some(0.2, 0.08), stranger: some(0.15, 0.06), topLevel: some(0.15, 0.04) },
    ...{ marked: some(0.25, 0.3), traced: some(0.25, 0.2) },
    ...{ gaps: some(0.4, 0.05), untimed: some(0.06, 1) },
  };
  for (const name of CALM) if (name in weather) weather[name as keyof Weather] = 0;
  return weather;
}
