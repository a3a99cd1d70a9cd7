import { html } from 'hono/html';

import { type Markup, renderPage } from '../../platform/html/page.ts';

export interface DevicePage {
  /** What is in the field already. Anybody may have written it into a link. */
  readonly typed: string;
  /** The code that was sent is none that waits. */
  readonly isUnknown: boolean;
}

/** Longer than any spelling of a code. */
const maxShown = 16;

/**
 * The page on which a person types the code that a device shows. A code that came with a link is filled in and has to be
 * compared and sent by hand.   @see RFC 8628 §3.3 and §3.3.1
 */
export function renderDevicePage({ typed, isUnknown }: DevicePage): Response {
  const isFilled = typed !== '' && !isUnknown;
  const title = 'Connect a device';
  const body = html`<h1>${title}</h1>
    <p class="lead">${isFilled ? compareText : 'Type the code that is shown on your device.'}</p>
    ${isUnknown ? unknownNotice : ''}
    <form method="post" action="/device">
      <p>
        <label for="user_code">Code on the device</label>
        <input
          class="code"
          id="user_code"
          name="user_code"
          value="${typed.slice(0, maxShown)}"
          maxlength="${maxShown}"
          autocomplete="off"
          autocapitalize="characters"
          spellcheck="false"
          required
          aria-describedby="code-hint${isUnknown ? ' code-unknown' : ''}"
          ${isUnknown ? html`aria-invalid="true"` : ''}
        />
      </p>
      <p class="small" id="code-hint">
        Eight letters, such as BCDF-GHJK. Capitals and the hyphen do not matter.
      </p>
      <div class="decision">
        <div><button class="primary" type="submit">Continue</button></div>
      </div>
    </form>
    <div class="warning">
      <p>
        Go on only if you started this yourself, on a device that is in front of you. Whoever sends you a code
        or a link to this page wants to use the server as you.
      </p>
    </div>`;
  return renderPage({ title, body, status: isUnknown ? 400 : 200, formAction: 'self' });
}

const compareText = 'Is this the code that is shown on your device? Compare it letter by letter.';

const unknownNotice: Markup = html`<div class="notice" role="alert" id="code-unknown">
  <p>No device waits with this code. It may be mistyped, answered already, or older than ten minutes.</p>
</div>`;

const answers = {
  approved: {
    title: 'Your device is connected',
    text: 'It goes on by itself within a few seconds. This window can be closed.',
    status: 200,
  },
  denied: {
    title: 'Access denied',
    text: 'The device gets nothing, and is told so. This window can be closed.',
    status: 200,
  },
  failed: {
    title: 'You were not signed in',
    text: 'The login did not come to an end. The device still waits: you can try once more.',
    status: 400,
  },
} as const;

/** What became of it, for the person. */
export function renderAnsweredPage(answer: keyof typeof answers): Response {
  const { title, text, status } = answers[answer];
  const body = html`<h1>${title}</h1>
    <p class="lead">${text}</p>
    ${answer === 'failed' ? html`<p><a class="button" href="/device">Type the code again</a></p>` : ''}`;
  return renderPage({ title, body, status, formAction: 'none' });
}
