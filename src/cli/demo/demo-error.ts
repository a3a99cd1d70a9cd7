/** What went wrong, and what to do: both lower case, without full stop. */
export class DemoError extends Error {
  readonly hint: string;

  constructor(message: string, hint: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'DemoError';
    this.hint = hint;
  }
}
