/**
 * The policy of a mount on its calls. For each:
 *
 * 1. the head: content type and coding of a POST; a GET or DELETE of the mount opens and ends streams and sessions, which
 *    reaches nothing of the server's by itself; a GET of anything else is an operation called `GET /path`
 * 2. the body, whole and before the upstream hears of it: read in the one way there is, held against the headers that
 *    repeat it, and every operation in it against the rules; of a batch all, or none of it is forwarded
 * 3. the answer: lists without what the caller may not use, whatever request they answer
 *
 * What is judged are the bytes that are forwarded. Not here: rules (`services/policy`), tokens (`admission/`), and how bytes
 * go to and fro (`proxy/`).
 */
import type { Emit } from '../../services/audit/events.ts';
import { type CallerPolicy, type Decision, type Policy, strictest } from '../../services/policy/policy.ts';
import type { Operation } from '../../services/policy/rule.ts';
import type { GrantTerms } from '../../services/tokens/grant-terms.ts';
import type { Refusal } from '../proxy/refusal.ts';
import { isPublished, judgeContent, pathBelow } from './call-head.ts';
import { allowsBatch, findHeaderMismatch } from './header-mirrors.ts';
import { createListFilter, describeUnreadable, type ListFilter } from './list-filter.ts';
import { type ListMember, listOf, operationsOf, useOf } from './operations.ts';
import { readRpcMessages, rpcErrors, type RpcId, type RpcMessage } from './rpc-messages.ts';
import { refuseDenied, refuseMalformed, refuseScopes, refuseUnreadable } from './rpc-refusal.ts';

export interface CallJudgeDeps {
  /** Names the mount in events. */
  readonly mountName: string;
  /** Public path of the mount. */
  readonly mountPath: string;
  /** The rules in force: a stream that is open when they change shows what the new ones let it. */
  readonly policy: () => Policy;
  /** The scopes of a grant with all that they include. */
  readonly expandScopes: (grant: GrantTerms) => ReadonlySet<string>;
  /** Those that the client of a grant may be granted at most, with all that they include. Undefined: every one. */
  readonly findObtainable?: (grant: GrantTerms) => ReadonlySet<string> | undefined;
  /** The challenge to a grant that lacks some of these. */
  readonly refuseScopes: (grant: GrantTerms, needed: readonly string[]) => Refusal | undefined;
  readonly emit: Emit;
}

export interface JudgedHead {
  readonly method: string;
  readonly target: string;
  readonly rawHeaders: readonly string[];
  readonly grant: GrantTerms;
  readonly requestId: string;
}

/** Holds calls against the rules of a mount. */
export interface CallJudge {
  /** Begins with the head of a call; says why it goes no further. */
  begin(head: JudgedHead): JudgedCall | Refusal;
}

/** One call that may go on. */
export interface JudgedCall {
  /** Takes the whole body: what of it was read, and why it goes no further. */
  judgeBody(body: Buffer): BodyVerdict;
  /**
   * What is passed on: a stream of events and nothing else, JSON-RPC messages in either form, or any document, of which
   * nobody looks for lists.
   */
  readonly answers: 'events' | 'messages' | 'documents';
  /** Takes lists out of each JSON text of the answer. */
  readonly filter: ListFilter;
  /** For an answer that cannot be told. */
  readonly unreadable: Refusal;
  /** The same for a stream that has begun: the JSON of an event for each list that was asked for. */
  readonly apologies: readonly string[];
  /** Lets go of what is needed no more: its stream may be open for days. */
  forgetHead(): void;
}

export interface BodyVerdict {
  /** Undefined: it may go on. */
  readonly refusal: Refusal | undefined;
  /** As parsed, for the record; undefined: it could not be. */
  readonly value: unknown;
}

export function createCallJudge(deps: CallJudgeDeps): CallJudge {
  return {
    begin(head) {
      const call = new PolicyCall(deps, head);
      return call.judgeHead() ?? call;
    },
  };
}

class PolicyCall implements JudgedCall {
  readonly #deps: CallJudgeDeps;
  #head: JudgedHead;
  readonly #scopes: ReadonlySet<string>;
  readonly answers: JudgedCall['answers'];
  filter: ListFilter;
  #listIds: readonly RpcId[] = [];

  constructor(deps: CallJudgeDeps, head: JudgedHead) {
    this.#deps = deps;
    this.#head = head;
    this.#scopes = deps.expandScopes(head.grant);
    this.answers = this.#findAnswers();
    this.filter = createListFilter(this.#isShown, noLists);
  }

  get #caller(): CallerPolicy {
    return this.#deps.policy().for(this.#head.grant);
  }

  forgetHead(): void {
    this.#head = { ...this.#head, target: '', rawHeaders: [] };
  }

  #findAnswers(): JudgedCall['answers'] {
    const { method } = this.#head;
    if (method === 'POST') return 'messages';
    if (this.#pathBelow() !== '') return 'documents';
    return method === 'GET' ? 'events' : 'messages';
  }

  judgeHead(): Refusal | undefined {
    const { method, rawHeaders } = this.#head;
    if (method === 'POST') return judgeContent(rawHeaders);
    const below = this.#pathBelow();
    if (below === '' || isPublished(below)) return undefined;
    return this.#judge([{ kind: 'method', method: `${method} ${below}`, name: '' }], undefined);
  }

  judgeBody(body: Buffer): BodyVerdict {
    const reading = readRpcMessages(body);
    if (reading.outcome === 'refused') {
      return { refusal: refuseMalformed(reading.problem, reading.code, reading.id), value: undefined };
    }
    const { messages, isBatch, value } = reading;
    return { refusal: this.#judgeMessages(messages, isBatch), value };
  }

  get unreadable(): Refusal {
    return refuseUnreadable(this.#listIds.length === 1 ? this.#listIds[0] : undefined);
  }

  get apologies(): readonly string[] {
    return this.#listIds.map(describeUnreadable);
  }

  readonly #isShown = (list: ListMember, name: string): boolean => {
    const operation = useOf(list, name);
    // A client that lacks a scope has to see what it may ask for.
    return operation !== undefined && this.#decide(operation).outcome !== 'denied';
  };

  #decide(operation: Operation): Decision {
    const obtainable = this.#deps.findObtainable?.(this.#head.grant);
    return this.#caller.decide(operation, this.#scopes, obtainable);
  }

  #judgeMessages(messages: readonly RpcMessage[], isBatch: boolean): Refusal | undefined {
    const { rawHeaders } = this.#head;
    const id = isBatch ? undefined : idOf(messages[0]);
    if (isBatch && !allowsBatch(rawHeaders)) {
      return refuseMalformed('This revision has no batches', rpcErrors.invalidRequest, undefined);
    }
    const mismatch = findHeaderMismatch(rawHeaders, messages, isBatch);
    if (mismatch !== undefined) {
      return refuseMalformed(`${mismatch} does not say what the body says`, rpcErrors.headerMismatch, id);
    }
    const operations: Operation[] = [];
    for (const message of messages) {
      if (message.kind === 'response') continue;
      const found = operationsOf(message.method, message.params);
      if (found === undefined) {
        const problem = 'The params do not name what the call is about in plain text';
        return refuseMalformed(problem, rpcErrors.invalidParams, id);
      }
      operations.push(...found);
    }
    if (operations.length > maxOperations) {
      return refuseMalformed('The body asks for too much at once', rpcErrors.invalidRequest, id);
    }
    this.#expectLists(messages);
    return this.#judge(operations, id);
  }

  #expectLists(messages: readonly RpcMessage[]): void {
    const expected = new Map<RpcId, ListMember>();
    for (const message of messages) {
      const list = message.kind === 'request' ? listOf.get(message.method) : undefined;
      if (message.kind === 'request' && list !== undefined) expected.set(message.id, list);
    }
    if (expected.size === 0) return;
    this.#listIds = [...expected.keys()];
    this.filter = createListFilter(this.#isShown, expected);
  }

  #judge(operations: readonly Operation[], id: RpcId | undefined): Refusal | undefined {
    let worst: Decision | undefined;
    let culprit: Operation | undefined;
    for (const operation of operations) {
      const decision = this.#decide(operation);
      if (decision.outcome === 'allowed') continue;
      if (worst?.outcome !== 'denied' && (worst === undefined || decision.outcome === 'denied'))
        culprit = operation;
      worst = worst === undefined ? decision : strictest([worst, decision]);
    }
    if (worst === undefined || worst.outcome === 'allowed' || culprit === undefined) return undefined;
    this.#tell(worst, culprit);
    if (worst.outcome === 'denied') return refuseDenied(id);
    const challenge = this.#deps.refuseScopes(this.#head.grant, worst.scopes);
    // A scope that nothing can be asked for: nobody is helped by asking.
    return challenge === undefined ? refuseDenied(id) : refuseScopes(challenge, id);
  }

  #tell(
    { outcome, rule }: Exclude<Decision, { outcome: 'allowed' }>,
    { kind, method, name }: Operation,
  ): void {
    const { grant, requestId } = this.#head;
    this.#deps.emit(
      {
        type: 'policy_denied',
        outcome,
        mount: this.#deps.mountName,
        subject: grant.subject,
        client: grant.client.slice(0, 16),
        rule,
        kind,
        method: shorten(method),
        ...(name === '' ? {} : { name: shorten(kind === 'resource' ? withoutSecrets(name) : name) }),
      },
      requestId,
    );
  }

  #pathBelow(): string {
    return pathBelow(this.#head.target, this.#deps.mountPath);
  }
}

/** Of one body. Each is held against every rule, while everybody else's calls wait. */
const maxOperations = 1000;

const noLists: ReadonlyMap<RpcId, ListMember> = new Map();

function idOf(message: RpcMessage | undefined): RpcId | undefined {
  return message?.kind === 'request' ? message.id : undefined;
}

const longestName = 128;

function shorten(text: string): string {
  return text.length <= longestName ? text : `${text.slice(0, longestName).toWellFormed()}…`;
}

/** There are some in the queries of URIs, and before their hosts. */
function withoutSecrets(uri: string): string {
  return (uri.split(/[?#]/, 1)[0] ?? '').replace(/^([^:/]*:\/*)[^/]*@/, '$1');
}
