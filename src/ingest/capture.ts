// What the ancestor of kspan wrote with --capture-to, as JSON frames: YAML documents between lines of
// `---`, each with a first line `# {"time":"...","style":"initial|event|watch","kind":"..."}`, whose time
// is when the object was received. A document that is not YAML becomes a line that is not JSON, so that
// the Router counts it as any other bad frame.
import { parse } from 'yaml';

const NOT_A_FRAME = 'not YAML\n';

/** What the first line of a document says. */
interface CaptureLine {
  time?: string;
  style?: string;
  kind?: string;
}

/** Whether an input that begins with these bytes is such a capture. */
export function isCapture(head: Uint8Array): boolean {
  return /^\s*(---\s|# *\{)/.test(Buffer.from(head).toString('latin1'));
}

/**
 * One frame for each document. Documents of more than `documentBytesMax` characters are not kept
 * and count as bad frames.
 */
export async function* captureFrames(
  chunks: AsyncIterable<Uint8Array>,
  documentBytesMax: number,
): AsyncGenerator<Uint8Array> {
  let document = '';
  for await (const line of lines(chunks, documentBytesMax)) {
    if (line.trimEnd() !== '---') {
      // One character too many is enough to be refused.
      if (document.length <= documentBytesMax) document += `${line}\n`;
      continue;
    }
    if (document.trim()) yield frameOf(document, documentBytesMax);
    document = '';
  }
  if (document.trim()) yield frameOf(document, documentBytesMax);
}

async function* lines(
  chunks: AsyncIterable<Uint8Array>,
  lengthMax: number,
): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const chunk of chunks) {
    const parts = (rest + decoder.decode(chunk, { stream: true })).split('\n');
    rest = parts.pop() ?? '';
    yield* parts;
    if (rest.length > lengthMax) rest = rest.slice(0, lengthMax + 1);
  }
  yield rest + decoder.decode();
}

function frameOf(document: string, documentBytesMax: number): Uint8Array {
  if (document.length > documentBytesMax) return Buffer.from(NOT_A_FRAME);
  try {
    const { time, style, kind } = captureLine(document);
    const object: unknown = parse(document);
    if (typeof object !== 'object' || object === null) return Buffer.from(NOT_A_FRAME);
    const type = style === 'watch' ? 'MODIFIED' : 'ADDED';
    // Objects of a typed client may lack their kind; the line above them has it.
    const frame = { type, receivedAt: time, object: kind ? { kind, ...object } : object };
    return Buffer.from(`${JSON.stringify(frame)}\n`);
  } catch {
    return Buffer.from(NOT_A_FRAME);
  }
}

function captureLine(document: string): CaptureLine {
  const json = /^\s*# *(\{.*)/.exec(document)?.[1];
  return json ? JSON.parse(json) : {};
}
