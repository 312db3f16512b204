import { status as Code } from '@grpc/grpc-js';

/** A status of the contract, with a message for the client. */
export class CallError extends Error {
  constructor(
    readonly code: Code,
    message: string,
  ) {
    super(message);
  }
}

export function invalid(message: string): CallError {
  return new CallError(Code.INVALID_ARGUMENT, message);
}

export function refused(message: string): CallError {
  return new CallError(Code.FAILED_PRECONDITION, message);
}

/** What is not shown as it is: controls, spaces of many kinds, what turns the text around. */
const UNSHOWN = /[^\p{L}\p{M}\p{N}\p{P}\p{S} ]|["\\]/gu;

/** As Go writes them: messages are the same in all languages. */
const ESCAPES: ReadonlyMap<string, string> = new Map([
  ['\x07', '\\a'],
  ['\b', '\\b'],
  ['\f', '\\f'],
  ['\n', '\\n'],
  ['\r', '\\r'],
  ['\t', '\\t'],
  ['\v', '\\v'],
  ['"', '\\"'],
  ['\\', '\\\\'],
]);

/** The beginning of a client's text, as it may stand in messages and logs. */
export function quoted(text: string, most = 60): string {
  const start = Array.from(text).slice(0, most).join('');
  return `"${start.replace(UNSHOWN, (character) => ESCAPES.get(character) ?? escaped(character))}"`;
}

function escaped(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  const hex = code.toString(16);
  if (code < 0x80) return `\\x${hex.padStart(2, '0')}`;
  return code < 0x1_0000 ? `\\u${hex.padStart(4, '0')}` : `\\U${hex.padStart(8, '0')}`;
}
