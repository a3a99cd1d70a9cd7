import * as z from 'zod';

/** Who calls, as the headers say that came with the request: `x-user-sub` and its kin, lower case. */
export type CallerHeaders = ReadonlyMap<string, string>;

/** A tool's answer in the shape every protocol revision shares. */
export interface ToolResult {
  readonly content: readonly { readonly type: 'text'; readonly text: string }[];
  readonly isError?: true;
}

/** A tool as `tools/list` shows it, all revisions alike. */
export interface ToolListing {
  readonly name: string;
  readonly title: string;
  readonly description: string;
  readonly inputSchema: unknown;
  readonly annotations: { readonly readOnlyHint: true; readonly openWorldHint: false };
}

interface SampleTool {
  readonly name: string;
  readonly title: string;
  readonly description: string;
  readonly input: z.ZodType;
  /** Takes the arguments unchecked; a ZodError says they do not fit. */
  readonly call: (input: unknown, caller: CallerHeaders) => string;
}

const sampleTools: readonly SampleTool[] = [
  tool(
    {
      name: 'hello',
      title: 'Hello',
      description: 'Greets whoever is named, or else the person who is signed in.',
    },
    z.object({ name: z.string().max(200).optional() }),
    ({ name }, caller) => `Hello, ${name ?? caller.get('x-user-email') ?? 'stranger'}!`,
  ),
  tool(
    { name: 'add', title: 'Add', description: 'Adds two numbers.' },
    z.object({ a: z.number(), b: z.number() }),
    ({ a, b }) => String(a + b),
  ),
  tool(
    { name: 'echo', title: 'Echo', description: 'Gives the text back as it came.' },
    z.object({ text: z.string() }),
    ({ text }) => text,
  ),
  tool(
    {
      name: 'whoami',
      title: 'Who am I',
      description: 'Tells which identity headers arrived with this very call.',
    },
    z.object({}),
    (_input, caller) => describeCaller(caller),
  ),
];

/** The tools in the order of `tools/list`, which is always the same. */
export const toolListings: readonly ToolListing[] = sampleTools.map(
  ({ name, title, description, input }) => ({
    name,
    title,
    description,
    inputSchema: z.toJSONSchema(input, { target: 'draft-7' }),
    annotations: { readOnlyHint: true, openWorldHint: false },
  }),
);

/** Calls a tool. Arguments that do not fit are the tool's own error, which a model can read; undefined: no such tool. */
export function callTool(name: string, input: unknown, caller: CallerHeaders): ToolResult | undefined {
  const tool = sampleTools.find((candidate) => candidate.name === name);
  if (tool === undefined) return undefined;
  try {
    return { content: [{ type: 'text', text: tool.call(input ?? {}, caller) }] };
  } catch (error) {
    if (!(error instanceof z.ZodError)) throw error;
    return { content: [{ type: 'text', text: z.prettifyError(error) }], isError: true };
  }
}

function tool<Input extends z.ZodType>(
  facts: Pick<SampleTool, 'name' | 'title' | 'description'>,
  input: Input,
  call: (input: z.output<Input>, caller: CallerHeaders) => string,
): SampleTool {
  return { ...facts, input, call: (unchecked, caller) => call(input.parse(unchecked), caller) };
}

function describeCaller(caller: CallerHeaders): string {
  if (caller.size === 0) return 'Nobody vouched for you: no X-User-* header came with this call.';
  const lines = [...caller].map(([name, value]) => `${displayName(name)}: ${value}`);
  return ['This call came with:', ...lines].join('\n');
}

/** `x-user-sub` as it is usually written: `X-User-Sub`. */
function displayName(name: string): string {
  return name.replaceAll(/(^|-)[a-z]/g, (start) => start.toUpperCase());
}
