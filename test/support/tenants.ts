// A recording of several namespaces in which the same happens: that of the rollout, once for each, with
// names and uids of its own. Namespaces are told of only where a test says so.
import { type Frame, framesOf, inputOf } from './frames.ts';
import { scenario } from './scenarios.ts';

const UID = /\b[0-9a-f]{8}((?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\b/g;
const rollout = framesOf(scenario('rollout').input);

/** In order of time, `told` among them. */
export function tenantsRecording(namespaces: readonly string[], told: Frame[] = []): Uint8Array {
  const shared = rollout.filter(({ object }) => object.kind === 'Node');
  const own = rollout.filter(({ object }) => object.metadata.namespace);
  const frames = [...told, ...shared, ...namespaces.flatMap((name, n) => renamed(own, name, n))];
  return inputOf(frames.sort((a, b) => Date.parse(a.receivedAt) - Date.parse(b.receivedAt)));
}

/** A version of a Namespace; the rollout is received from second 27 to 42. */
export function namespaceFrame(
  name: string,
  second: number,
  labels: Record<string, string>,
  type = second === 0 ? 'ADDED' : 'MODIFIED',
): Frame {
  const metadata = { name, uid: `of-${name}`, resourceVersion: `${1000 + second}`, labels };
  const receivedAt = `2026-11-22T15:31:${`${second}`.padStart(2, '0')}.000Z`;
  return { type, receivedAt, object: { apiVersion: 'v1', kind: 'Namespace', metadata } };
}

function renamed(frames: Frame[], namespace: string, number: number): Frame[] {
  const text = JSON.stringify(frames).replaceAll('"shop"', `"${namespace}"`);
  const prefix = `${number + 1}`.padStart(8, '0');
  return JSON.parse(text.replaceAll('shop/', `${namespace}/`).replaceAll(UID, `${prefix}$1`));
}
