import { Counter, type Registry } from '../../platform/telemetry/metrics.ts';

/** One call to the mount whose JSON-RPC body was looked into. */
export interface ObservedCall {
  readonly batch: boolean;
  /** Tool names of the `tools/call` requests in it. */
  readonly toolCalls: readonly string[];
  readonly requestBytes: number;
  readonly responseBytes: number;
  /** An HTTP status of 400 or more; an error inside a 200 is the tool's business. */
  readonly failed: boolean;
}

/** Opt-in metrics per tool, under the predecessor's names. Strangers name tools, so the number of labels is capped. */
export function createToolMetrics(registry: Registry, maxCardinality: number): (call: ObservedCall) => void {
  const registers = [registry];
  const perTool = (name: string, help: string) =>
    new Counter({ name, help, labelNames: ['tool'], registers });
  const plain = (name: string, help: string) => new Counter({ name, help, registers });
  const calls = perTool('mcp_auth_rpc_calls_total', 'Tool calls');
  const failedCalls = perTool(
    'mcp_auth_rpc_calls_failed_total',
    'Tool calls answered with status 400 or more',
  );
  const requestBytes = perTool('mcp_auth_rpc_request_bytes_total', 'Request bytes of tool calls');
  const responseBytes = perTool('mcp_auth_rpc_response_bytes_total', 'Response bytes of tool calls');
  const batches = plain('mcp_auth_rpc_batches_total', 'JSON-RPC batches');
  const failedBatches = plain(
    'mcp_auth_rpc_batches_failed_total',
    'Batches answered with status 400 or more',
  );
  const batchBytes = new Counter({
    name: 'mcp_auth_rpc_batch_bytes_total',
    help: 'Bytes of batches',
    labelNames: ['direction'],
    registers,
  });
  const known = new Set<string>();

  function labelOf(tool: string): string {
    if (known.has(tool)) return tool;
    if (maxCardinality > 0 && known.size >= maxCardinality) return '_overflow';
    known.add(tool);
    return tool;
  }

  function observeBatch(call: ObservedCall): void {
    batches.inc();
    if (call.failed) failedBatches.inc();
    batchBytes.inc({ direction: 'request' }, call.requestBytes);
    batchBytes.inc({ direction: 'response' }, call.responseBytes);
  }

  return (call) => {
    if (call.batch) observeBatch(call);
    for (const name of call.toolCalls) {
      const tool = labelOf(name);
      calls.inc({ tool });
      if (call.failed) failedCalls.inc({ tool });
      // Bytes of a batch belong to no single tool.
      if (call.batch) continue;
      requestBytes.inc({ tool }, call.requestBytes);
      responseBytes.inc({ tool }, call.responseBytes);
    }
  };
}
