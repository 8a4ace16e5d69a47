// One small request to the API server, and its whole answer as text. Credentials that do not work
// are read anew once; whatever keeps the answer away is an InputError that says what was asked.
import { text } from 'node:stream/consumers';
import { InputError, reasonOf } from '../errors.js';
import type { KubeClient } from './kube-client.js';

export interface Answer {
  status: number;
  body: string;
}

/** Of metadata alone, as an Accept header. */
export const METADATA = 'application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1';

export async function ask(
  client: KubeClient,
  path: string,
  options: { accept: string; signal: AbortSignal },
): Promise<Answer> {
  try {
    let response = await client.get(path, options);
    if (response.status === 401) {
      response.body.destroy();
      client.refresh();
      response = await client.get(path, options);
    }
    return { status: response.status, body: await text(response.body) };
  } catch (error) {
    throw askError(client, path, error);
  }
}

export function askError({ server }: KubeClient, path: string, cause: unknown): InputError {
  const message = `cannot ask ${server} for ${path}: ${reasonOf(cause)}`;
  return new InputError('input_unreadable', message, cause);
}
