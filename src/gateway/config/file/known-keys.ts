import { z } from 'zod';

import type { YamlPath } from './yaml-text.ts';

/**
 * The keys that a schema knows at a path; none where any name may stand.
 * @param schema of which a JSON schema can be made
 */
export function listKnownKeys(schema: z.ZodType, path: YamlPath): readonly string[] {
  let places: readonly unknown[] = [z.toJSONSchema(schema, { io: 'input', target: 'draft-07' })];
  for (const step of path) places = places.flatMap(alternatives).flatMap((place) => enter(place, step));
  return places.flatMap(alternatives).flatMap((place) => Object.keys(propertiesOf(place)));
}

function alternatives(place: unknown): readonly unknown[] {
  const inside: unknown = isMap(place) ? place['anyOf'] : undefined;
  return Array.isArray(inside) ? [place, ...inside.flatMap(alternatives)] : [place];
}

function enter(place: unknown, step: PropertyKey): readonly unknown[] {
  if (!isMap(place)) return [];
  if (typeof step === 'number') return [place['items']];
  return [propertiesOf(place)[String(step)] ?? place['additionalProperties']];
}

function propertiesOf(place: unknown): Readonly<Record<string, unknown>> {
  const properties: unknown = isMap(place) ? place['properties'] : undefined;
  return isMap(properties) ? properties : {};
}

function isMap(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
