import { status as Code, type handleUnaryCall, type ServiceDefinition } from '@grpc/grpc-js';
import {
  type HealthCheckRequest,
  type HealthCheckResponse,
  ServingStatus,
} from '@hopwatch/shop-shared/health';

/**
 * grpc.health.v1. It says nothing of the database: that is the same for all instances, so taking
 * them out would make a short absence, which calls are got over, one of the whole service.
 */
export class Health {
  /** The empty name is the server as a whole. */
  private readonly names = new Set(['']);
  private status = ServingStatus.SERVING;

  /** Knows the service's name from now on. */
  add(service: ServiceDefinition): void {
    for (const { path } of Object.values(service)) {
      const [, name] = path.split('/');
      if (name) this.names.add(name);
    }
  }

  /** Clients are to turn elsewhere. */
  drain(): void {
    this.status = ServingStatus.NOT_SERVING;
  }

  readonly check: handleUnaryCall<HealthCheckRequest, HealthCheckResponse> = (call, respond) => {
    if (this.names.has(call.request.service)) respond(null, { status: this.status });
    else respond({ code: Code.NOT_FOUND, details: 'unknown service' });
  };
}
