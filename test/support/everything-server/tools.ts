import { fromJsonSchema, type McpServer } from '@modelcontextprotocol/server';
import { z } from 'zod';
import { imageContent, silentWav, sleep, textContent, textResource, textResult } from './content.ts';

export interface ToolChanges {
  toolsChanged(): void;
  promptsChanged(): void;
}

/** Tools that answer at once or on the way, as the official conformance suite expects them by name. */
export function registerTools(server: McpServer, changes: ToolChanges): void {
  registerContentTools(server);
  registerProgressTools(server);
  registerSchemaTools(server);
  registerDiagnosticTools(server, changes);
}

/** The first one must accept a call without arguments: the suite takes whatever tool is listed first. */
function registerContentTools(server: McpServer): void {
  server.registerTool('test_simple_text', { description: 'Answers with text' }, () =>
    textResult('This is a simple text response for testing.'),
  );
  server.registerTool('test_image_content', { description: 'Answers with an image' }, () => ({
    content: [imageContent],
  }));
  server.registerTool('test_audio_content', { description: 'Answers with a sound' }, () => ({
    content: [{ type: 'audio', data: silentWav, mimeType: 'audio/wav' }],
  }));
  server.registerTool('test_embedded_resource', { description: 'Answers with a resource' }, () => ({
    content: [textResource('test://embedded-resource', 'This is an embedded resource content.')],
  }));
  server.registerTool('test_multiple_content_types', { description: 'Answers with several kinds' }, () => ({
    content: [
      textContent('Multiple content types test:'),
      imageContent,
      textResource('test://mixed-content-resource', '{"test":"data","value":123}', 'application/json'),
    ],
  }));
  server.registerTool('test_error_handling', { description: 'Fails' }, () => {
    throw new Error('This tool intentionally returns an error for testing');
  });
}

function registerProgressTools(server: McpServer): void {
  server.registerTool('test_tool_with_logging', { description: 'Logs while it works' }, async (context) => {
    const messages = ['Tool execution started', 'Tool processing data', 'Tool execution completed'];
    for (const message of messages) {
      await context.mcpReq.log('info', message);
      await sleep(50);
    }
    return textResult('Logged three messages');
  });
  server.registerTool('test_tool_with_progress', { description: 'Tells how far it is' }, async (context) => {
    const progressToken = context.mcpReq._meta?.progressToken;
    for (const progress of [0, 50, 100]) {
      const params = { progressToken, progress, total: 100, message: `${progress} of 100` };
      if (progressToken !== undefined)
        await context.mcpReq.notify({ method: 'notifications/progress', params });
      await sleep(50);
    }
    return textResult('Done');
  });
  server.registerTool('test_reconnection', { description: 'Closes its stream midway' }, async (context) => {
    context.http?.closeSSE?.();
    await sleep(100);
    return textResult('Sent after the stream was closed');
  });
}

function registerSchemaTools(server: McpServer): void {
  const inputSchema = fromJsonSchema(everyKeyword);
  server.registerTool('json_schema_2020_12_tool', { description: 'Has every keyword', inputSchema }, () =>
    textResult('Validated'),
  );
  const mirrored: object = {
    type: 'object',
    properties: { region: { type: 'string', 'x-mcp-header': 'Region' } },
    required: ['region'],
  };
  server.registerTool(
    'test_mirrored_header',
    {
      description: 'Has an argument that travels in a header too',
      inputSchema: fromJsonSchema<{ region: string }>(mirrored),
    },
    ({ region }) => textResult(`Region: ${region}`),
  );
}

function registerDiagnosticTools(server: McpServer, changes: ToolChanges): void {
  server.registerTool('test_logging_tool', { description: 'Logs one line' }, async (context) => {
    await context.mcpReq.log('info', 'One line');
    return textResult('Logged');
  });
  server.registerTool('test_trigger_tool_change', { description: 'Announces a change of tools' }, () => {
    changes.toolsChanged();
    return textResult('Announced');
  });
  server.registerTool('test_trigger_prompt_change', { description: 'Announces a change of prompts' }, () => {
    changes.promptsChanged();
    return textResult('Announced');
  });
  server.registerTool('test_request_headers', { description: 'Tells which headers arrived' }, (context) =>
    textResult(JSON.stringify(Object.fromEntries(context.http?.req?.headers ?? []))),
  );
  server.registerTool(
    'test_repeat',
    { description: 'Repeats', inputSchema: z.object({ text: z.string() }) },
    ({ text }) => textResult(text),
  );
}

const everyKeyword = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  type: 'object',
  $defs: {
    address: {
      $anchor: 'addressDef',
      type: 'object',
      properties: { street: { type: 'string' }, city: { type: 'string' } },
    },
  },
  properties: {
    name: { type: 'string' },
    address: { $ref: '#/$defs/address' },
    contactMethod: { type: 'string', enum: ['phone', 'email'] },
    phone: { type: 'string' },
    email: { type: 'string' },
  },
  allOf: [{ anyOf: [{ required: ['phone'] }, { required: ['email'] }] }],
  if: { properties: { contactMethod: { const: 'phone' } }, required: ['contactMethod'] },
  // oxlint-disable-next-line unicorn/no-thenable -- a keyword of JSON Schema
  then: { required: ['phone'] },
  else: { required: ['email'] },
  additionalProperties: false,
} as const;
