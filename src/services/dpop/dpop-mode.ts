/** Whether tokens for a resource are bound to a key of the client: never, where the client proves one, or always. */
export const dpopModes = ['off', 'optional', 'required'] as const;

export type DpopMode = (typeof dpopModes)[number];
