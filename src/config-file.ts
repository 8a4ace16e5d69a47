// The configuration file: YAML with settings by their keys, and rows for the table of causality. Knows
// where each value is written, so that an error can name the line.
import { readFileSync } from 'node:fs';
import { LineCounter, type Node, parseDocument } from 'yaml';
import { ConfigError, reasonOf } from './errors.js';

export interface ConfigFile {
  /** By their keys, unchecked. */
  values: Record<string, unknown>;
  /** `FILE:LINE: ` of the value that a path leads to, or of the nearest that is there. */
  placeOf(path: readonly PropertyKey[]): string;
}

/** Reads a configuration file. What is wrong is a ConfigError of one line that names it. */
export function readConfigFile(path: string): ConfigFile {
  const lineCounter = new LineCounter();
  const { document, values } = parse(path, lineCounter);
  if (typeof values !== 'object' || values === null || Array.isArray(values)) {
    throw new ConfigError('config_unreadable', `${path} must hold settings as "key: value" lines`);
  }
  const placeOf = (way: readonly PropertyKey[]): string => {
    const start = (document.getIn(way, true) as Node | undefined)?.range?.[0];
    if (start !== undefined) return `${path}:${lineCounter.linePos(start).line}: `;
    return way.length > 0 ? placeOf(way.slice(0, -1)) : `${path}: `;
  };
  return { values: values as Record<string, unknown>, placeOf };
}

function parse(path: string, lineCounter: LineCounter) {
  try {
    const document = parseDocument(readFileSync(path, 'utf8'), { lineCounter });
    if (document.errors[0]) throw document.errors[0];
    return { document, values: (document.toJS() ?? {}) as unknown };
  } catch (error) {
    const message = `cannot read the configuration ${path}: ${reasonOf(error)}`;
    throw new ConfigError('config_unreadable', message, error);
  }
}
