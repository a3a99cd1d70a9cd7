import { decodeFully, lengthOfOrigin } from './resource-spellings.ts';

/**
 * What a URI comes to for servers that parse it before they look for the resource, as the SDKs do: default ports, users,
 * `file:/` and `file://localhost/`, backslashes, hosts in other letters, slashes twice. For denials alone: no rule is
 * walked around by another way to write what it denies, while an allowance means names as the server lists them.
 * @see WHATWG URL, §4.4; RFC 8089 §2
 */
export function aliasesOf(uri: string): readonly string[] {
  const aliases = formsOf(uri).flatMap((form) => {
    const [whole = form] = form.split('#', 1);
    // No file has a query: whoever opens one leaves it away.
    return whole.startsWith('file:') ? [form, whole, whole.split('?', 1)[0] ?? whole] : [form, whole];
  });
  return [...new Set(aliases)];
}

/** A pattern of a denial, and what it comes to in the same way: the operator may have written any of them. */
export function aliasesOfPattern(pattern: string): readonly string[] {
  return [...new Set([pattern, ...formsOf(pattern)])];
}

function formsOf(text: string): readonly string[] {
  const decoded = decodeFully(text) ?? text;
  const texts = decoded === text ? [text] : [text, decoded];
  return texts.flatMap((each) => normalForm(each) ?? []);
}

/** Undefined: it is no URL to anybody. */
function normalForm(text: string): string | undefined {
  const url = URL.parse(text);
  if (url === null) return undefined;
  if (url.username !== '') url.username = '';
  if (url.password !== '') url.password = '';
  if (url.hostname.endsWith('.')) url.hostname = url.hostname.slice(0, -1);
  const href = decodeFully(url.href) ?? url.href;
  const end = lengthOfOrigin(href);
  return href.slice(0, end) + href.slice(end).replaceAll(/\/{2,}/g, '/');
}
