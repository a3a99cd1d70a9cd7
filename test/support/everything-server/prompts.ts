import { acceptedContent, completable, inputRequired, type McpServer } from '@modelcontextprotocol/server';
import { z } from 'zod';
import { imageContent, textContent, textResource } from './content.ts';

/** Prompts as the official conformance suite expects them by name. */
export function registerPrompts(server: McpServer): void {
  server.registerPrompt('test_simple_prompt', { description: 'No arguments' }, () => ({
    messages: [{ role: 'user', content: textContent('This is a simple prompt for testing.') }],
  }));
  const argsSchema = z.object({
    arg1: completable(z.string().describe('First test argument'), (typed) =>
      ['paris', 'park', 'party'].filter((word) => word.startsWith(typed)),
    ),
    arg2: z.string().describe('Second test argument'),
  });
  server.registerPrompt(
    'test_prompt_with_arguments',
    { description: 'Two arguments', argsSchema },
    ({ arg1, arg2 }) => ({
      messages: [
        { role: 'user', content: textContent(`Prompt with arguments: arg1='${arg1}', arg2='${arg2}'`) },
      ],
    }),
  );
  server.registerPrompt(
    'test_prompt_with_embedded_resource',
    {
      description: 'Embeds a resource',
      argsSchema: z.object({ resourceUri: z.string().describe('What to embed') }),
    },
    ({ resourceUri }) => ({
      messages: [
        { role: 'user', content: textResource(resourceUri, 'Embedded resource content for testing.') },
        { role: 'user', content: textContent('Please process the embedded resource above.') },
      ],
    }),
  );
  server.registerPrompt('test_prompt_with_image', { description: 'Shows an image' }, () => ({
    messages: [
      { role: 'user', content: imageContent },
      { role: 'user', content: textContent('Please analyze the image above.') },
    ],
  }));
  registerAskingPrompt(server);
}

function registerAskingPrompt(server: McpServer): void {
  const given = z.object({ context: z.string() });
  server.registerPrompt(
    'test_input_required_result_prompt',
    { description: 'Asks for a context' },
    (context) => {
      const answer = acceptedContent(context.mcpReq.inputResponses, 'user_context', given);
      if (answer !== undefined)
        return { messages: [{ role: 'user', content: textContent(`Use this context: ${answer.context}`) }] };
      return inputRequired({
        inputRequests: {
          user_context: inputRequired.elicit({
            message: 'What context should the prompt use?',
            requestedSchema: {
              type: 'object',
              properties: { context: { type: 'string' } },
              required: ['context'],
            },
          }),
        },
      });
    },
  );
}
