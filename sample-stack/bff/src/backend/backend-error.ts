import type { status } from '@grpc/grpc-js';

/** A call of the services behind that failed, by whatever protocol. */
export class BackendError extends Error {
  override readonly name = 'BackendError';

  constructor(
    readonly code: status,
    /** What the service says of it. */
    readonly details: string,
    options?: ErrorOptions,
  ) {
    super(details, options);
  }
}
