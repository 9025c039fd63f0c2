import { Type } from '@sinclair/typebox';
import { openApiDocument } from './openapi.js';
import { send } from './respond.js';
import { route, type RouteDefinition } from './route.js';

/** The OpenAPI document of these routes and of itself. Open: it holds no data, and tells no more than the documentation. */
export function documentRoute(routes: readonly RouteDefinition[]): RouteDefinition {
  const self = route({
    method: 'GET',
    path: '/openapi.json',
    summary: 'This document',
    tag: 'running',
    may: 'anybody',
    query: 'ignored',
    answers: { 200: { description: 'OpenAPI 3.1', schema: Type.Object({ openapi: Type.String() }) } },
    handle({ response }) {
      send(response, 200, 'application/json; charset=utf-8', text);
    },
  });
  const text = JSON.stringify(openApiDocument([...routes, self]));
  return self;
}
