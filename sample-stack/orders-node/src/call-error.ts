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
const UNSHOWN = /[^\p{L}\p{M}\p{N}\p{P}\p{S} ]/gu;

/** A client's text within a message: quoted, escaped, and its first 60 characters at most. */
export function quoted(text: string): string {
  const start = Array.from(text).slice(0, 60).join('');
  return JSON.stringify(start).replace(
    UNSHOWN,
    (character) => `\\u{${character.codePointAt(0)?.toString(16)}}`,
  );
}
