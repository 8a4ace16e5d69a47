// One list-and-watch stream as a state machine: what has happened goes in, the next state and what is to
// be done come out. It has no clock, no network and no randomness (`jitter`, 0 to 1, is given), so each
// fault of an API server is a row of a test. It promises that whatever goes wrong is followed by a wait
// that grows or by progress, that a version too old is met by a new list, also where the server does not
// say so, and that exactly one request or wait is under way at any time.

/** From now on; with a list before; or with a list that the watch itself sends, where the server can. */
export type Beginning = 'now' | 'list' | 'watch-list';

export interface WatchPlan {
  beginning: Beginning;
  /** After which the server is to close a watch. */
  timeoutMs: number;
  /** A watch that is still open and silent so long after that is dead. */
  graceMs: number;
  /** Objects in one page of a list. */
  pageObjects: number;
}

/** Where a stream is. */
export type WatchPhase =
  | Listing
  /** A watch sends what there is, until a bookmark says that this was all. */
  | { name: 'Initial' }
  /** `silent`: nothing came through this connection. */
  | { name: 'Watching'; silent: boolean }
  /** Waits, then goes on, where it was listing with the same page. */
  | { name: 'Backoff'; page: Listing | undefined }
  /** Waits, then lists: the version is too old for the server. */
  | { name: 'Expired' }
  /** Waits long: not allowed, or no such resource. */
  | { name: 'Refused'; code: number };

/** Asks for a page; `probe`: only for the version of the collection. */
interface Listing {
  name: 'Listing';
  continueToken: string;
  limit: number;
  probe: boolean;
}

export interface WatchState {
  phase: WatchPhase;
  plan: WatchPlan;
  /** Its first list is behind it. */
  begun: boolean;
  /** Of the newest frame that was handed on; empty: a list is needed. */
  version: string;
  /** One after another, without progress between. */
  failures: number;
  /** Watches, one after another, that ended at once with nothing in them. */
  empties: number;
  /** Credentials were read anew since they last worked. */
  refreshed: boolean;
}

/** Why a stream had to begin anew; names of a metric's label. */
export type RestartCause =
  | 'closed'
  | 'empty'
  | 'expired'
  | 'failed'
  | 'refused'
  | 'throttled'
  | 'unauthorized'
  | 'server_error';

export interface ListPage {
  /** Of the collection. */
  version: string;
  /** Of the next page; empty: it was the last. */
  continueToken: string;
}

export type WatchInput =
  | ({ type: 'page' } & ListPage)
  /** A page was larger than one may be. */
  | { type: 'page-too-large' }
  /** Frames were handed on. */
  | { type: 'frames'; version: string }
  /** `initialEnd`: what there was has been sent. */
  | { type: 'bookmark'; version: string; initialEnd: boolean }
  /** A status other than 200, or one in an ERROR frame. */
  | { type: 'status'; code: number; retryAfterMs?: number | undefined }
  /** The server ended the watch, be it in the middle of a line. */
  | { type: 'closed'; lastedMs: number }
  /** No connection, one that broke, or one that is dead. */
  | { type: 'failed' }
  | { type: 'waited' };

export type WatchAction =
  | { do: 'list'; continueToken: string; limit: number; probe: boolean }
  | { do: 'watch'; version: string; initial: boolean; timeoutMs: number; silenceMs: number }
  | { do: 'wait'; ms: number }
  /** Read the credentials anew. */
  | { do: 'refresh' }
  /** The initial list is complete. */
  | { do: 'ready' }
  | { do: 'restart'; cause: RestartCause; code?: number };

export interface Step {
  state: WatchState;
  actions: WatchAction[];
}

/** A watch that ends sooner was not ended by its timeout. */
const SHORT_MS = 5_000;
/** So many empty watches in a row mean a version that is too old. */
const EMPTIES_MAX = 3;
const BACKOFF_MS = 500;
const BACKOFF_MAX_MS = 30_000;
const RETRY_AFTER_MAX_MS = 300_000;
/** Not allowed; no such resource; it cannot be watched. */
const REFUSALS = new Set([403, 404, 405]);
const REFUSED_MS = 300_000;
/** A list that a watch sends may take long, but not in silence. */
const INITIAL_TIMEOUT_MS = 3_600_000;

/** How far a stream has come; another one may go on from there. */
export type WatchProgress = Pick<WatchState, 'begun' | 'version'>;

const NO_PROGRESS: WatchProgress = { begun: false, version: '' };

/** The first state of a stream. */
export function begin(plan: WatchPlan, jitter: number, progress = NO_PROGRESS): Step {
  const { begun, version } = progress;
  const fresh = { plan, begun, version, failures: 0, empties: 0, refreshed: false };
  return resume({ ...fresh, phase: { name: 'Expired' } }, jitter);
}

/** What follows from what has happened. */
export function step(state: WatchState, input: WatchInput, jitter: number): Step {
  switch (input.type) {
    case 'page':
      return turnPage(progressed(state), input, jitter);
    case 'page-too-large':
      return halvePage(state, jitter);
    case 'frames':
      return still(received(state, input.version));
    case 'bookmark': {
      const known = received(state, input.version);
      if (!input.initialEnd || state.phase.name !== 'Initial') return still(known);
      return ready({ ...known, version: input.version }, jitter);
    }
    case 'status':
      return refused(state, input.code, input.retryAfterMs ?? 0, jitter);
    case 'closed':
      return closed(state, input.lastedMs, jitter);
    case 'failed':
      return restart(state, { do: 'restart', cause: 'failed' }, jitter);
    case 'waited':
      return resume(state, jitter);
  }
}

function turnPage(state: WatchState, page: ListPage, jitter: number): Step {
  const { phase } = state;
  if (phase.name !== 'Listing') return still(state);
  if (phase.probe || page.continueToken === '') {
    return ready({ ...state, version: page.version }, jitter);
  }
  return listPage(state, { ...phase, continueToken: page.continueToken });
}

function halvePage(state: WatchState, jitter: number): Step {
  const { phase } = state;
  if (phase.name !== 'Listing' || phase.limit === 1) {
    return restart(state, { do: 'restart', cause: 'failed' }, jitter);
  }
  return listPage(state, { ...phase, limit: Math.ceil(phase.limit / 2) });
}

function ready(state: WatchState, jitter: number): Step {
  return after({ do: 'ready' }, watch({ ...state, begun: true }, jitter));
}

/** A status that is no success, for a list or a watch, or in the middle of a watch. */
function refused(state: WatchState, code: number, retryAfterMs: number, jitter: number): Step {
  if (code === 401 && !state.refreshed) {
    const again = resume({ ...state, refreshed: true }, jitter);
    const report: WatchAction = { do: 'restart', cause: 'unauthorized', code };
    return after(report, after({ do: 'refresh' }, again));
  }
  if (code === 410) return expire(state, 'expired', jitter);
  if ((code === 400 || code === 422) && state.phase.name === 'Initial') {
    const plan: WatchPlan = { ...state.plan, beginning: 'list' };
    return list({ ...state, plan }, jitter);
  }
  if (REFUSALS.has(code)) {
    const waiting: WatchState = { ...state, version: '', phase: { name: 'Refused', code } };
    const wait: WatchAction = { do: 'wait', ms: REFUSED_MS * (1 + jitter) };
    return { state: waiting, actions: [{ do: 'restart', cause: 'refused', code }, wait] };
  }
  return restart(state, { do: 'restart', cause: causeOf(code), code }, jitter, retryAfterMs);
}

function causeOf(code: number): RestartCause {
  if (code === 401) return 'unauthorized';
  return code === 429 ? 'throttled' : 'server_error';
}

/** The end of a watch is its timeout, a restart of the server, or the only sign of an old version. */
function closed(state: WatchState, lastedMs: number, jitter: number): Step {
  const report: WatchAction = { do: 'restart', cause: 'closed' };
  if (state.phase.name !== 'Watching') return restart(state, report, jitter);
  if (lastedMs >= SHORT_MS) return after(report, watch(progressed(state), jitter));
  if (!state.phase.silent) return restart(state, report, jitter);
  const empties = state.empties + 1;
  if (empties >= EMPTIES_MAX) return expire(state, 'empty', jitter);
  return restart({ ...state, empties }, { do: 'restart', cause: 'empty' }, jitter);
}

function expire(state: WatchState, cause: RestartCause, jitter: number): Step {
  const failures = state.failures + 1;
  const phase: WatchPhase = { name: 'Expired' };
  const wait: WatchAction = { do: 'wait', ms: backoffMs(state.failures, jitter) };
  const waiting: WatchState = { ...state, phase, version: '', empties: 0, failures };
  return { state: waiting, actions: [{ do: 'restart', cause }, wait] };
}

function restart(state: WatchState, report: WatchAction, jitter: number, leastMs = 0): Step {
  const { failures } = state;
  const page = state.phase.name === 'Listing' ? state.phase : undefined;
  const phase: WatchPhase = { name: 'Backoff', page };
  const ms = Math.min(leastMs, RETRY_AFTER_MAX_MS) + backoffMs(failures, jitter);
  const waiting: WatchState = { ...state, phase, failures: failures + 1 };
  return { state: waiting, actions: [report, { do: 'wait', ms }] };
}

/** Never less than half, so that retries are rare, nor the same for all that failed together. */
function backoffMs(failures: number, jitter: number): number {
  const full = Math.min(BACKOFF_MAX_MS, BACKOFF_MS * 2 ** failures);
  return full * (0.5 + jitter / 2);
}

/** After a wait or with new credentials: the same again. */
function resume(state: WatchState, jitter: number): Step {
  const { phase } = state;
  if (phase.name === 'Listing') return listPage(state, phase);
  if (phase.name === 'Backoff' && phase.page) return listPage(state, phase.page);
  return state.version === '' ? list(state, jitter) : watch(state, jitter);
}

/** The first list of a stream that is to begin now asks for nothing but the version. */
function list(state: WatchState, jitter: number): Step {
  const { beginning, pageObjects, timeoutMs, graceMs } = state.plan;
  const probe = beginning === 'now' && !state.begun;
  if (beginning !== 'watch-list') {
    const limit = probe ? 1 : pageObjects;
    return listPage(state, { name: 'Listing', continueToken: '', limit, probe });
  }
  const times = { timeoutMs: INITIAL_TIMEOUT_MS * (1 + jitter), silenceMs: timeoutMs + graceMs };
  return {
    state: { ...state, phase: { name: 'Initial' } },
    actions: [{ do: 'watch', version: '', initial: true, ...times }],
  };
}

function listPage(state: WatchState, phase: Listing): Step {
  const { continueToken, limit, probe } = phase;
  return { state: { ...state, phase }, actions: [{ do: 'list', continueToken, limit, probe }] };
}

function watch(state: WatchState, jitter: number): Step {
  const { version, plan } = state;
  // Streams that began together do not stay together.
  const timeoutMs = plan.timeoutMs * (1 + jitter / 2);
  const times = { timeoutMs, silenceMs: timeoutMs + plan.graceMs };
  return {
    state: { ...state, phase: { name: 'Watching', silent: true } },
    actions: [{ do: 'watch', version, initial: false, ...times }],
  };
}

/** Versions within an initial list are no positions to go on from. */
function received(state: WatchState, version: string): WatchState {
  if (state.phase.name !== 'Watching') return progressed(state);
  const phase: WatchPhase = { name: 'Watching', silent: false };
  return { ...progressed(state), phase, version: version || state.version };
}

function progressed(state: WatchState): WatchState {
  return { ...state, failures: 0, empties: 0, refreshed: false };
}

function still(state: WatchState): Step {
  return { state, actions: [] };
}

function after(action: WatchAction, { state, actions }: Step): Step {
  return { state, actions: [action, ...actions] };
}
