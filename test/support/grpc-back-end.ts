// A gRPC server that stands for an OTLP back end, by grpc-js, with answers that a test gives.
import * as grpc from '@grpc/grpc-js';

export interface GrpcCall {
  bytes: Buffer;
  metadata: grpc.Metadata;
  peer: string;
}

/** Bytes of an answer, an error, or nothing at all. */
export type GrpcAnswer = Uint8Array | Partial<grpc.ServiceError> | undefined;

export interface GrpcBackEnd extends AsyncDisposable {
  calls: GrpcCall[];
  /** `127.0.0.1:PORT` */
  address: string;
  /** Ends all connections as they are. */
  cut(): void;
}

const asItIs = (bytes: Buffer) => bytes;
const SERVICE = {
  Export: {
    path: '/opentelemetry.proto.collector.trace.v1.TraceService/Export',
    requestStream: false,
    responseStream: false,
    requestSerialize: asItIs,
    requestDeserialize: asItIs,
    responseSerialize: asItIs,
    responseDeserialize: asItIs,
  },
};

export async function startGrpcBackEnd(
  answer: (call: GrpcCall, index: number) => GrpcAnswer = () => Buffer.alloc(0),
  options: { tls?: grpc.ServerCredentials; server?: grpc.ServerOptions; port?: number } = {},
): Promise<GrpcBackEnd> {
  const calls: GrpcCall[] = [];
  const server = new grpc.Server(options.server);
  server.addService(SERVICE, {
    Export: (
      call: grpc.ServerUnaryCall<Buffer, Buffer>,
      reply: grpc.sendUnaryData<Buffer>,
    ): void => {
      const received = { bytes: call.request, metadata: call.metadata, peer: call.getPeer() };
      calls.push(received);
      const given = answer(received, calls.length - 1);
      if (given instanceof Uint8Array) reply(null, Buffer.from(given));
      else if (given) reply(given);
    },
  });
  const port = await new Promise<number>((resolve, reject) => {
    const credentials = options.tls ?? grpc.ServerCredentials.createInsecure();
    server.bindAsync(`127.0.0.1:${options.port ?? 0}`, credentials, (error, bound) =>
      error ? reject(error) : resolve(bound),
    );
  });
  return {
    calls,
    address: `127.0.0.1:${port}`,
    cut: () => server.forceShutdown(),
    [Symbol.asyncDispose]: async () => server.forceShutdown(),
  };
}
