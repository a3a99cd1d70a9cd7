/** The smallest valid image and sound, and short ways to write content. */

export const onePixelPng =
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIAX8jx0gAAAABJRU5ErkJggg==';

/** A WAV header with no samples: 8 kHz, mono, 8 bits. */
export const silentWav = 'UklGRiQAAABXQVZFZm10IBAAAAABAAEAQB8AAEAfAAABAAgAZGF0YQAAAAA=';

export const imageContent = { type: 'image', data: onePixelPng, mimeType: 'image/png' } as const;

export function textContent(text: string): { type: 'text'; text: string } {
  return { type: 'text', text };
}

export function textResult(text: string): { content: { type: 'text'; text: string }[] } {
  return { content: [textContent(text)] };
}

export function textResource(uri: string, text: string, mimeType = 'text/plain') {
  return { type: 'resource' as const, resource: { uri, mimeType, text } };
}

export async function sleep(milliseconds: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, milliseconds));
}
