/** Errors of the Temporal client as facts that an operator can act on. */
import {
  isGrpcServiceError, NamespaceNotFoundError, QueryNotRegisteredError, ServiceError, WorkflowNotFoundError,
} from '@temporalio/client';
import { FaberError } from '../contract/failure.js';

/** gRPC status codes, by name. */
export const GRPC = { cancelled: 1, invalidArgument: 3, deadlineExceeded: 4, notFound: 5, permissionDenied: 7, failedPrecondition: 9, unavailable: 14, unauthenticated: 16 } as const;

/** The gRPC status inside an error, however deep the SDK has wrapped it. */
export function grpcStatus(error: unknown): number | undefined {
  for (let at = error, depth = 0; at instanceof Error && depth < 5; at = at.cause, depth += 1) {
    if (isGrpcServiceError(at)) return at.code;
  }
  return undefined;
}

function rootMessage(error: unknown): string {
  let at = error;
  while (at instanceof Error && at.cause instanceof Error) at = at.cause;
  const text = at instanceof Error ? at.message : String(at);
  // Messages of TLS and of proxies can quote whole pages.
  return text.replace(/\s+/g, ' ').slice(0, 300);
}

export interface Where {
  address: string;
  namespace: string;
}

const CONNECTION_SETTINGS = 'Connection: --address, --namespace, TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE, TEMPORAL_API_KEY, TEMPORAL_TLS_*, or a profile (TEMPORAL_PROFILE)';

/** A server that cannot be reached or refuses us; undefined for any other error. */
export function temporalUnavailable(error: unknown, { address, namespace }: Where): FaberError | undefined {
  const unavailable = (message: string, suggestions: string[]) =>
    new FaberError({ code: 'temporal_unavailable', message, suggestions: [...suggestions, CONNECTION_SETTINGS] }, { cause: error });
  if (error instanceof NamespaceNotFoundError) {
    return unavailable(`Temporal at ${address} has no namespace '${namespace}'`, [`temporal operator namespace create --namespace ${namespace} --address ${address}`]);
  }
  const status = grpcStatus(error);
  if (status === GRPC.unauthenticated || status === GRPC.permissionDenied) {
    return unavailable(`Temporal at ${address} refuses us in namespace '${namespace}': ${rootMessage(error)}`, ['Check the API key or client certificate, and that it may write to the namespace']);
  }
  const text = rootMessage(error);
  if (/certificate|self.signed|wrong version number|ssl|tls|alert|EPROTO/i.test(text)) {
    return unavailable(`The TLS connection to Temporal at ${address} fails: ${text}`, ['TLS on one side only, or a certificate that is not trusted: check TEMPORAL_TLS and TEMPORAL_TLS_SERVER_CA_CERT_PATH']);
  }
  if (status === GRPC.unavailable || status === GRPC.deadlineExceeded || /failed to connect|connection closed|channel has been shut down/i.test(text)) {
    return unavailable(`Temporal at ${address} cannot be reached: ${text}`, ['Is the server running there? For a local one: faber-db dev']);
  }
  return undefined;
}

/** The expected failure behind any error of a call about the operation `id`. */
export function toFaberError(error: unknown, where: Where, id?: string): FaberError {
  if (error instanceof FaberError) return error;
  if (error instanceof WorkflowNotFoundError || (id !== undefined && grpcStatus(error) === GRPC.notFound && !(error instanceof NamespaceNotFoundError))) {
    return new FaberError(
      {
        code: 'operation_not_found',
        message: `No operation '${id ?? ''}' is open or known in namespace '${where.namespace}' of ${where.address}`,
        suggestions: ['faber-db list shows the operations that Temporal knows'],
      },
      { cause: error },
    );
  }
  const unavailable = temporalUnavailable(error, where);
  if (unavailable) return unavailable;
  if (error instanceof QueryNotRegisteredError) {
    return new FaberError({ code: 'operation_not_found', message: `'${id ?? ''}' is a workflow of something else, not an operation of faber-db` }, { cause: error });
  }
  const what = error instanceof ServiceError ? rootMessage(error) : error instanceof Error ? `${error.name}: ${rootMessage(error)}` : String(error);
  return new FaberError({ code: 'internal', message: `Unexpected answer of Temporal: ${what}` }, { cause: error });
}
