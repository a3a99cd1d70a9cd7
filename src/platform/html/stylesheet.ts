/**
 * The one stylesheet, inlined into every page and allowed there by its hash. System fonts, no images. Contrast is at
 * least 4.5:1 for text and 3:1 for borders and focus rings in both colour schemes (WCAG 2.2 §1.4.3 and §1.4.11).
 */
export const stylesheet = `
:root {
  color-scheme: light dark;
  --ground: #f3f4f6; --card: #ffffff; --ink: #1b2130; --soft: #535c6e; --line: #d5d9e2; --edge: #7b8496;
  --accent: #1f5fbf; --accent-ink: #ffffff; --warn-ground: #fff5dc; --warn-ink: #5b4100; --warn-line: #a87700;
  --note-ground: #e9f0fb; --note-ink: #173a70; --note-line: #1f5fbf;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #12151c; --card: #1b202a; --ink: #e8ebf2; --soft: #a9b2c3; --line: #323a49; --edge: #7f8aa0;
    --accent: #8ab4f8; --accent-ink: #0d1a30; --warn-ground: #33290f; --warn-ink: #f7dc9a; --warn-line: #c99a2e;
    --note-ground: #17263f; --note-ink: #c7dcff; --note-line: #8ab4f8;
  }
}
*, *::before, *::after { box-sizing: border-box; }
body {
  margin: 0; padding: clamp(0.75rem, 5vw, 4rem) 0.75rem; background: var(--ground); color: var(--ink);
  font: 1rem/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif;
  overflow-wrap: anywhere;
}
main {
  max-width: 36rem; margin: 0 auto; padding: clamp(1.1rem, 5vw, 2.25rem); background: var(--card);
  border: 1px solid var(--line); border-radius: 0.9rem; box-shadow: 0 1px 3px rgb(0 0 0 / 8%);
}
h1 { margin: 0 0 0.5rem; font-size: clamp(1.3rem, 5vw, 1.6rem); line-height: 1.25; text-wrap: balance; }
h2 { margin: 1.75rem 0 0.4rem; font-size: 1.05rem; }
p { margin: 0.5rem 0; }
main > :last-child { margin-bottom: 0; }
ul { margin: 0.4rem 0; padding-left: 1.25rem; }
a { color: var(--accent); }
code { font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; font-size: 0.92em; }
.lead { color: var(--soft); }
.small { color: var(--soft); font-size: 0.875rem; }
.facts { margin: 1.25rem 0; border-top: 1px solid var(--line); }
.facts > div { padding: 0.8rem 0; border-bottom: 1px solid var(--line); }
.facts dt { color: var(--soft); font-size: 0.875rem; }
.facts dd { margin: 0.1rem 0 0; }
.name { font-size: 1.1rem; font-weight: 600; }
.choices { list-style: none; margin: 0.2rem 0 0; padding: 0; }
.choices label { display: flex; gap: 0.6rem; align-items: baseline; min-height: 1.75rem; padding: 0.15rem 0; cursor: pointer; }
.choices input { flex: none; width: 1.1rem; height: 1.1rem; margin: 0; accent-color: var(--accent); transform: translateY(0.15rem); }
.choices div.small { margin: 0 0 0.35rem 1.7rem; }
.target { color: var(--soft); }
.target strong { color: var(--ink); font-weight: 700; }
.notice, .warning {
  margin: 1rem 0; padding: 0.7rem 0.9rem; border-left: 0.25rem solid var(--warn-line); border-radius: 0.3rem;
  background: var(--warn-ground); color: var(--warn-ink);
}
.notice { border-color: var(--note-line); background: var(--note-ground); color: var(--note-ink); }
.notice[role="alert"] { border-color: var(--warn-line); background: var(--warn-ground); color: var(--warn-ink); }
.notice p, .warning p { margin: 0; }
.code { font: 600 1.4rem/1.4 ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; letter-spacing: 0.12em; }
input.code {
  display: block; width: 100%; margin-top: 0.3rem; padding: 0.5rem 0.8rem; text-transform: uppercase;
  border: 1px solid var(--edge); border-radius: 0.55rem; background: var(--card); color: var(--ink);
}
input[aria-invalid] { border: 2px solid var(--warn-line); }
.providers { list-style: none; margin: 1.5rem 0 0; padding: 0; }
.providers li { margin: 0 0 1rem; }
.providers .small { margin-top: 0.25rem; }
.grants { list-style: none; margin: 1.5rem 0 0; padding: 0; }
.grants > li { margin: 0 0 1rem; padding: 1rem; border: 1px solid var(--line); border-radius: 0.7rem; }
.grants h2 { margin: 0; }
.grants .facts { margin: 0.8rem 0; }
.grants .facts > div { padding: 0.5rem 0; }
.decision { display: flex; flex-wrap: wrap; gap: 0.75rem; margin: 1.5rem 0 0.75rem; }
.decision > * { flex: 1 1 9rem; }
button, .button {
  display: inline-block; width: 100%; min-height: 2.9rem; padding: 0.6rem 1.2rem; font: inherit; font-weight: 600;
  text-align: center; text-decoration: none; border-radius: 0.55rem; border: 1px solid var(--edge);
  background: var(--card); color: var(--ink); cursor: pointer;
}
.button { width: auto; }
button:hover, .button:hover { border-color: var(--ink); }
button.primary, .button { background: var(--accent); border-color: var(--accent); color: var(--accent-ink); }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 3px; }
/* Approve keeps its place but cannot be clicked or focused at first: the second click of a double click that was
   begun on somebody else's window must not land on it. */
.arming { display: grid; border-radius: 0.55rem; border: 1px dashed var(--edge); }
.arming::before, .arming button { grid-area: 1 / 1; }
.arming::before {
  content: attr(data-label); display: grid; place-items: center; padding: 0.6rem 1.2rem; color: var(--soft);
  font-weight: 600; text-align: center;
}
.arming button { margin: -1px; width: calc(100% + 2px); animation: arm 0.8s linear backwards; }
@keyframes arm { from, 99% { visibility: hidden; opacity: 0; } to { visibility: visible; opacity: 1; } }
@media (forced-colors: active) { .notice, .warning { border: 1px solid; } }
`;
