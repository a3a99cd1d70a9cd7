import {
  CLIENT_CAPABILITIES_META_KEY,
  acceptedContent,
  inputRequired,
  inputResponse,
  type CallToolResult,
  type ClientCapabilities,
  type InputRequiredResult,
  type McpServer,
  type RequestStateCodec,
  type ServerContext,
} from '@modelcontextprotocol/server';
import { z } from 'zod';
import { textResult } from './content.ts';

/** What travels with the client between the rounds of one call. */
export interface RoundState {
  readonly round: number;
}

type Answer = CallToolResult | InputRequiredResult;
type Requests = NonNullable<Parameters<typeof inputRequired>[0]['inputRequests']>;

/**
 * Tools that ask the client for something before they answer. Written once: a modern client gets an input-required
 * result and comes back, a legacy client gets a request on the stream.
 */
export function registerAskingTools(server: McpServer, states: RequestStateCodec<RoundState>): void {
  registerElicitations(server);
  registerSampling(server);
  registerSingleRound(server);
  registerRounds(server, states);
}

const form = (message: string, requestedSchema: object): Requests[string] =>
  inputRequired.elicit({ message, requestedSchema: requestedSchema as never });

const ask = (message: string, name: string, type = 'string'): Requests[string] =>
  form(message, { type: 'object', properties: { [name]: { type } }, required: [name] });

const sample = (text: string, maxTokens = 100): Requests[string] =>
  inputRequired.createMessage({ messages: [{ role: 'user', content: { type: 'text', text } }], maxTokens });

/** Asks with a form and tells what came back. */
async function elicit(context: ServerContext, label: string, request: Requests[string]): Promise<Answer> {
  const answer = inputResponse(context.mcpReq.inputResponses, 'form');
  if (answer.kind !== 'elicit') return inputRequired({ inputRequests: { form: request } });
  return textResult(`${label}: action=${answer.action}, content=${JSON.stringify(answer.content ?? {})}`);
}

function registerElicitations(server: McpServer): void {
  const person = {
    type: 'object',
    properties: {
      username: { type: 'string', description: "User's response" },
      email: { type: 'string', description: "User's email address" },
    },
    required: ['username', 'email'],
  };
  const inputSchema = z.object({ message: z.string().describe('What to show') });
  server.registerTool(
    'test_elicitation',
    { description: 'Asks a person', inputSchema },
    ({ message }, context) => elicit(context, 'User response', form(message, person)),
  );
  server.registerTool('test_elicitation_sep1034_defaults', { description: 'Asks with defaults' }, (context) =>
    elicit(context, 'Elicitation completed', form('Please check these values', withDefaults)),
  );
  server.registerTool('test_elicitation_sep1330_enums', { description: 'Asks to choose' }, (context) =>
    elicit(context, 'Elicitation completed', form('Please choose', withChoices)),
  );
  server.registerTool('test_streaming_elicitation', { description: 'Asks on a stream' }, (context) =>
    elicit(context, 'Elicitation completed', ask('Please confirm', 'ok', 'boolean')),
  );
}

function registerSampling(server: McpServer): void {
  // The SDK refuses the request of a client that did not declare sampling.
  server.registerTool('test_missing_capability', { description: 'Needs sampling' }, () =>
    inputRequired({ inputRequests: { model: sample('Is anybody there?') } }),
  );
  const inputSchema = z.object({ prompt: z.string().describe('What to ask the model') });
  server.registerTool(
    'test_sampling',
    { description: 'Asks the model', inputSchema },
    ({ prompt }, context) => {
      const answer = inputResponse(context.mcpReq.inputResponses, 'model');
      if (answer.kind !== 'sampling') return inputRequired({ inputRequests: { model: sample(prompt) } });
      return textResult(`LLM response: ${JSON.stringify(answer.result.content)}`);
    },
  );
}

function registerSingleRound(server: McpServer): void {
  const named = z.object({ name: z.string() });
  server.registerTool('test_input_required_result_elicitation', { description: 'Asks a name' }, (context) => {
    const answer = acceptedContent(context.mcpReq.inputResponses, 'user_name', named);
    if (answer !== undefined) return textResult(`Hello, ${answer.name}!`);
    return inputRequired({ inputRequests: { user_name: ask('What is your name?', 'name') } });
  });
  server.registerTool('test_input_required_result_sampling', { description: 'Asks the model' }, (context) => {
    const answer = inputResponse(context.mcpReq.inputResponses, 'capital_question');
    if (answer.kind === 'sampling') return textResult(JSON.stringify(answer.result.content));
    return inputRequired({ inputRequests: { capital_question: sample('What is the capital of France?') } });
  });
  server.registerTool(
    'test_input_required_result_list_roots',
    { description: 'Asks for roots' },
    (context) => {
      const answer = inputResponse(context.mcpReq.inputResponses, 'client_roots');
      if (answer.kind === 'roots') return textResult(answer.roots.map(({ uri }) => uri).join(' '));
      return inputRequired({ inputRequests: { client_roots: inputRequired.listRoots() } });
    },
  );
  server.registerTool(
    'test_input_required_result_capabilities',
    { description: 'Asks what it may' },
    (context) => {
      const declared = declaredCapabilities(context);
      if (context.mcpReq.inputResponses !== undefined) return textResult('Thank you');
      const inputRequests = {
        ...(declared.elicitation && { user_name: ask('What is your name?', 'name') }),
        ...(declared.sampling && { greeting: sample('Generate a greeting') }),
        ...(declared.roots && { client_roots: inputRequired.listRoots() }),
      };
      return Object.keys(inputRequests).length === 0
        ? textResult('Nothing to ask')
        : inputRequired({ inputRequests });
    },
  );
}

function declaredCapabilities(context: ServerContext): ClientCapabilities {
  const envelope = context.mcpReq.envelope as Record<string, unknown> | undefined;
  return (envelope?.[CLIENT_CAPABILITIES_META_KEY] as ClientCapabilities | undefined) ?? {};
}

/** These keep a state with the client; a changed one is refused before they are called. */
function registerRounds(server: McpServer, states: RequestStateCodec<RoundState>): void {
  const next = async (round: number, inputRequests: Requests): Promise<Answer> =>
    inputRequired({ inputRequests, requestState: await states.mint({ round }) });
  const confirm = { confirm: ask('Please confirm', 'ok', 'boolean') };
  const asksOnce = (name: string, requests: Requests, done: string): void => {
    server.registerTool(name, { description: 'Asks once, with a state' }, async (context) => {
      const complete = Object.keys(requests).every(
        (key) => inputResponse(context.mcpReq.inputResponses, key).kind !== 'missing',
      );
      return complete && roundOf(context) === 1 ? textResult(done) : next(1, requests);
    });
  };
  asksOnce('test_input_required_result_request_state', confirm, 'state-ok');
  asksOnce('test_input_required_result_tampered_state', confirm, 'state-ok');
  const several = {
    user_name: ask('What is your name?', 'name'),
    greeting: sample('Generate a greeting', 50),
    client_roots: inputRequired.listRoots(),
  };
  asksOnce('test_input_required_result_multiple_inputs', several, 'All three answered');
  server.registerTool(
    'test_input_required_result_multi_round',
    { description: 'Asks twice' },
    async (context) => {
      const answered = (key: string): boolean =>
        inputResponse(context.mcpReq.inputResponses, key).kind === 'elicit';
      if (roundOf(context) === 2 && answered('step2')) return textResult('Both answered');
      if (roundOf(context) === 1 && answered('step1'))
        return next(2, { step2: ask('Step 2: What is your favorite color?', 'color') });
      return next(1, { step1: ask('Step 1: What is your name?', 'name') });
    },
  );
}

function roundOf(context: ServerContext): number {
  return context.mcpReq.requestState<RoundState>()?.round ?? 0;
}

const withDefaults = {
  type: 'object',
  properties: {
    name: { type: 'string', default: 'John Doe' },
    age: { type: 'integer', default: 30 },
    score: { type: 'number', default: 95.5 },
    status: { type: 'string', enum: ['active', 'inactive', 'pending'], default: 'active' },
    verified: { type: 'boolean', default: true },
  },
  required: [],
};

const titled = (word: string): { const: string; title: string }[] =>
  ['First', 'Second', 'Third'].map((title, index) => ({
    const: `value${index + 1}`,
    title: `${title} ${word}`,
  }));

const withChoices = {
  type: 'object',
  properties: {
    untitledSingle: { type: 'string', enum: ['option1', 'option2', 'option3'] },
    titledSingle: { type: 'string', oneOf: titled('Option') },
    legacyEnum: {
      type: 'string',
      enum: ['opt1', 'opt2', 'opt3'],
      enumNames: ['Option One', 'Option Two', 'Option Three'],
    },
    untitledMulti: { type: 'array', items: { type: 'string', enum: ['option1', 'option2', 'option3'] } },
    titledMulti: { type: 'array', items: { anyOf: titled('Choice') } },
  },
  required: [],
};
