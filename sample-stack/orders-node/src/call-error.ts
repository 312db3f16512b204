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

/** A client's text within a message: quoted, and its first 60 characters at most. */
export function quoted(text: string): string {
  return JSON.stringify(Array.from(text).slice(0, 60).join(''));
}
