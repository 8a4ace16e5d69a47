// Who asked the API server for what, from its audit log.
import { readFileSync } from 'node:fs';

/** Of an audit.k8s.io/v1 Event. */
export interface AuditEvent {
  auditID: string;
  requestURI: string;
  verb: string;
  stage: string;
  user: { username: string };
  objectRef?: { resource: string; name?: string };
  responseStatus?: { code: number };
}

/** Complete lines only; a request that lasts is there twice. */
export function readAudit(log: string): AuditEvent[] {
  const lines = readFileSync(log, 'utf8').split('\n').slice(0, -1);
  return lines.map((line) => JSON.parse(line));
}

/** Each request of a user once, as of its end where that has come. */
export function requestsOf(log: string, username: string): AuditEvent[] {
  const own = readAudit(log).filter(({ user }) => user.username === username);
  return [...new Map(own.map((event) => [event.auditID, event])).values()];
}
