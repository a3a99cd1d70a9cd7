import type { PolicyRule } from '../../../services/policy/rule.ts';
import type { ConfigWarning } from '../config.ts';
import type { MountEntry } from './mounts-section.ts';

/**
 * What is accepted and was probably meant as something else. A denial that fits nothing denies nothing, and nobody hears
 * of it.
 */
export function findUnlikelyValues(mounts: readonly MountEntry[]): readonly ConfigWarning[] {
  return mounts.flatMap((mount) => [
    ...(mount.policy?.rules ?? []).flatMap((rule) => warnOfPatterns(mount.name, rule)),
    ...warnOfSecrets(mount),
  ]);
}

/**
 * A warning and no refusal: servers may call their tools what they like, and some do.
 * @see MCP 2025-11-25 "Tool Names": SHOULD be letters, digits, `_`, `-`, `.`; earlier drafts had `/` as well
 */
const toolPattern = /^[A-Za-z0-9_.\-/*]{1,128}$/;

/** Of prompts and methods nothing is said: these are characters of other pattern languages. */
const otherLanguage = /[\^$?[\](){}|\\+]/;

/** URIs have most of them. */
const otherLanguageInUri = /^\^|\$$/;

/** Below the mount a path may have them, too. */
const isPath = /^[A-Z]+ \//;

function warnOfPatterns(mountName: string, { name, effect, what }: PolicyRule): ConfigWarning[] {
  if (what === 'everything') return [];
  const { tools = [], prompts = [], resources = [], methods = [] } = what;
  const regular = {
    prompts: prompts.filter((pattern) => otherLanguage.test(pattern)),
    resources: resources.filter((pattern) => otherLanguageInUri.test(pattern)),
    methods: methods.filter((pattern) => otherLanguage.test(pattern) && !isPath.test(pattern)),
  };
  const found = [
    ...tools
      .filter((pattern) => !toolPattern.test(pattern))
      .map((pattern) => `${pattern} under tools is no name that MCP recommends`),
    ...Object.entries(regular).flatMap(([kind, patterns]) =>
      patterns.map((pattern) => `${pattern} under ${kind} looks like a regular expression`),
    ),
  ];
  const effects = effect === 'deny' ? 'it may deny nothing' : 'it may allow nothing';
  return found.map((problem) => ({
    event: 'policy_pattern_unlikely',
    message: `mount ${mountName}, rule ${name}: ${problem}, and * is all that is special there: ${effects}`,
  }));
}

/** What headers with credentials are called. */
const ofSecrets = /(?:^|-)(?:api-?key|key|token|secret|password|credentials?|auth)$/i;

/** The file is read by more people than secrets are for, and is in version control. */
function warnOfSecrets({ name, request_headers: { set = {} } }: MountEntry): ConfigWarning[] {
  return Object.keys(set)
    .filter((header) => ofSecrets.test(header))
    .map((header) => ({
      event: 'secret_in_configuration',
      message: `mount ${name} sets ${header} to a value in the configuration file: if it is a secret, put it into a file of its own that set_from_files names`,
    }));
}
